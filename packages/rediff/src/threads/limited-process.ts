/** Programs that read what strangers send, under limits that the kernel keeps: they hold in native code too, and when
 *  this process is no longer there to look after them. */
import { existsSync } from "node:fs";

export interface KernelLimits {
  /** Bytes of memory that the program may write to. Linux keeps it for all of them, macOS for a part. */
  readonly memory: number;
  /** Seconds of work over all its threads. Default as many as it takes. */
  readonly cpuSeconds?: number;
  /** What is added to its niceness, and to that of what it starts: on few cores what everybody waits for comes first. For
   *  a program that begins a session. */
  readonly niceness?: number;
}

const SHELL = "/bin/sh";
// A limit that a system does not have, or that is already narrower, is no reason to give up. The limits are soft ones, so
// that a program under them may start another under wider ones. Where a machine has no memory left, Linux ends such a
// program before others; and it ends it with the one that has started it, where util-linux is there to ask for that.
// Where Linux shares processors out among sessions, a niceness is one within the session, which has its own.
const SCRIPT = `for limit in "-c 0" "-d $1" "-t $2"; do ulimit -S $limit 2>/dev/null || :; done
{ echo 800 > /proc/self/oom_score_adj; } 2>/dev/null || :
niceness=$3
[ "$niceness" = 0 ] || { echo "$niceness" > /proc/self/autogroup; } 2>/dev/null || :
shift 3
setpriv --pdeathsig KILL true 2>/dev/null && set -- setpriv --pdeathsig KILL "$@"
exec nice -n "$niceness" "$@"`;

/** What to start instead of `program`. Without a shell, on Windows, there are no such limits; status 127 of the shell
 *  says that there is no such program. */
export function underLimits(
  program: string,
  args: readonly string[],
  { memory, cpuSeconds, niceness = 0 }: KernelLimits,
): { command: string; args: string[] } {
  if (!existsSync(SHELL)) return { command: program, args: [...args] };
  const kibibytes = Math.floor(memory / 1024);
  const seconds = cpuSeconds === undefined ? "unlimited" : String(Math.ceil(cpuSeconds));
  return {
    command: SHELL,
    args: ["-c", SCRIPT, "sh", String(kibibytes), seconds, String(niceness), program, ...args],
  };
}
