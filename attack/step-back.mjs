// Priorities of threads, which only Linux has.

import { readdirSync, readlinkSync } from "node:fs";
import { setPriority } from "node:os";
import { basename } from "node:path";

/** The system's number of the calling thread; 0 where threads have none. */
export function ownThread() {
  return process.platform === "linux" ? Number(basename(readlinkSync("/proc/thread-self"))) : 0;
}

/** Lowers the priority of all threads that this process has, and so of those that they start. Files are compressed in
 *  threads that are older than most of what calls them.
 *  @param {number} [besides] one that keeps its own */
export function stepBack(besides) {
  if (process.platform !== "linux") return;
  for (const thread of readdirSync("/proc/self/task").map(Number)) {
    if (thread === besides) continue;
    try {
      setPriority(thread, 10);
    } catch {
      // It was lower already, or has ended.
    }
  }
}
