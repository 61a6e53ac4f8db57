// The priority of a thread, which only Linux has.

import { setPriority } from "node:os";

/** Lowers that of the calling thread, where there is such a thing. */
export function stepBack() {
  if (process.platform !== "linux") return;
  try {
    setPriority(0, 10);
  } catch {
    // It was lower already.
  }
}
