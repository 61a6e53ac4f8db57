/** Programs that read what strangers send, under limits that the kernel keeps: they hold in native code too, and when
 *  this process is no longer there to look after them. */
import { existsSync } from "node:fs";

export interface KernelLimits {
  /** Bytes of memory that the program may write to. Linux keeps it for all of them, macOS for a part. */
  readonly memory: number;
  /** Seconds of work over all its threads. */
  readonly cpuSeconds: number;
}

const SHELL = "/bin/sh";
// A limit that a system does not have, or that is already narrower, is no reason to give up.
const SCRIPT = 'for limit in "-c 0" "-d $1" "-t $2"; do ulimit $limit 2>/dev/null || :; done; shift 2; exec "$@"';

/** What to start instead of `program`. Without a shell, on Windows, there are no such limits; status 127 of the shell
 *  says that there is no such program. */
export function underLimits(
  program: string,
  args: readonly string[],
  { memory, cpuSeconds }: KernelLimits,
): { command: string; args: string[] } {
  if (!existsSync(SHELL)) return { command: program, args: [...args] };
  const kibibytes = Math.floor(memory / 1024);
  return {
    command: SHELL,
    args: ["-c", SCRIPT, "sh", String(kibibytes), String(Math.ceil(cpuSeconds)), program, ...args],
  };
}
