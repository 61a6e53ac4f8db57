/** Threads that do what a request may make long, so that on few cores what everybody waits for comes first. */
import { setPriority } from "node:os";

/** Of the system's scale from -20 to 19; what nobody has changed is 0. */
const LOWER = 10;

/** Lowers the priority of the calling thread. Only Linux has one for each thread; elsewhere it is the process's, and
 *  stays. */
export function stepBack(): void {
  if (process.platform !== "linux") return;
  try {
    setPriority(0, LOWER);
  } catch {
    // It was lower already, or the system forbids it: then the thread works as all others do.
  }
}
