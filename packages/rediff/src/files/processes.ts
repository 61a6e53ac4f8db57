/** Whether the process that left a file behind is still there. */
import { readFileSync } from "node:fs";

/** @param pid of this machine */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It is there, and belongs to somebody else.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** A process as a lock names it. */
export interface ProcessName {
  pid: number;
  /** When it began: numbers are given out again, and in a container that is started anew they are the same ones. Of the
   *  system's own count of time, which no setting of the clock changes. Undefined where the system does not tell. */
  since?: string | undefined;
}

export function thisProcess(): ProcessName {
  return { pid: process.pid, since: beginningOf(process.pid) };
}

/** Whether it is that process which has the number now. */
export function isSameAlive({ pid, since }: ProcessName): boolean {
  if (!isAlive(pid)) return false;
  const now = beginningOf(pid);
  return since === undefined || now === undefined || since === now;
}

function beginningOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name, in brackets, may hold anything; starttime is the 20th field behind it.
    const ticks = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
    return `${readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim()}/${ticks}`;
  } catch {
    return undefined;
  }
}
