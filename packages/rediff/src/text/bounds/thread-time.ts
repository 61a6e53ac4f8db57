/** How long the calling thread has been on a processor. Of the time that a clock shows, others may have had most. */
import { readFileSync } from "node:fs";

interface Usage {
  user: number;
  system: number;
}

/** Newer Nodes know it. */
const own = (process as { threadCpuUsage?: () => Usage }).threadCpuUsage?.bind(process);
/** Linux does: nanoseconds on a processor, and two numbers more. */
const SCHEDULED = "/proc/thread-self/schedstat";
const isScheduled = own === undefined && read() !== undefined;

/** In milliseconds, from any beginning. Where only the whole process's is known, that: never less than the thread's. */
export function threadMilliseconds(): number {
  const nanoseconds = isScheduled ? read() : undefined;
  if (nanoseconds !== undefined) return nanoseconds / 1e6;
  const { user, system } = (own ?? process.cpuUsage)();
  return (user + system) / 1000;
}

function read(): number | undefined {
  try {
    const [first] = readFileSync(SCHEDULED, "latin1").split(" ");
    return first ? Number(first) : undefined;
  } catch {
    return undefined;
  }
}
