/** Keeping the memory of freed CPU tensors for the next ones. */
import { native } from "../native.js";

/** Lets large CPU tensors (1 MiB and more) reuse the memory of freed ones, up to `bytes` kept in all; 0 gives everything
 *  back. Off until called. For loops over large results: mapping each anew costs a page fault per 4 KiB. For the whole
 *  process, all threads. */
export function keepMemory(bytes: number): void {
  native.keepMemory(bytes);
}

/** Bytes kept now, of none of the living tensors, and the limit. */
export function keptMemory(): { bytes: number; limit: number } {
  const [bytes, limit] = native.keptMemory();
  return { bytes, limit };
}

/** Gives back what is kept now, for a process that has nothing to do for a while; the limit stays. */
export function releaseKeptMemory(): void {
  const { limit } = keptMemory();
  keepMemory(0);
  keepMemory(limit);
}
