/** Where the answer ends. */
import type { Canvas } from "./canvas.js";

export interface Stop {
  /** First row of the stop sequence, or undefined while there is none. */
  readonly row: number | undefined;
  /** Whether it has ever moved right or vanished. */
  readonly lost: boolean;
  /** Looks again after the canvas has changed. */
  look(): void;
}

/** The first stop sequence in the answer as it is now. A revised token may move it right or take it away. */
export function currentStop(canvas: Canvas, sequences: readonly (readonly number[])[]): Stop {
  let row: number | undefined;
  let lost = false;
  return {
    get row() {
      return row;
    },
    get lost() {
      return lost;
    },
    look() {
      const found = canvas.find(sequences);
      if (row !== undefined && (found < 0 || found > row)) lost = true;
      row = found < 0 ? undefined : found;
    },
  };
}

/** The reference's: a stop never moves right, even when its token is rewritten; and once any sequence was found, only
 *  the first of the list is looked for, so an earlier occurrence of another one is missed. */
export function legacyStop(canvas: Canvas, sequences: readonly (readonly number[])[]): Stop {
  let row: number | undefined;
  return {
    get row() {
      return row;
    },
    lost: false,
    look() {
      for (const sequence of sequences) {
        const found = canvas.find([sequence]);
        if (found >= 0 && (row === undefined || found < row)) row = found;
        if (row !== undefined) return;
      }
    },
  };
}
