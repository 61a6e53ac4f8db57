/** Where the answer ends. */
import type { Canvas } from "./canvas.js";

export interface Stop {
  /** First position of the stop sequence, over the whole sequence, or undefined while there is none. */
  readonly position: number | undefined;
  /** Whether it has ever moved right or vanished. */
  readonly lost: boolean;
  /** Looks again after the canvas has changed. */
  look(): void;
}

/** The first stop sequence in the answer as it is now. A revised token may move it right or take it away. */
export function currentStop(canvas: Canvas, sequences: readonly (readonly number[])[]): Stop {
  let position: number | undefined;
  let lost = false;
  return {
    get position() {
      return position;
    },
    get lost() {
      return lost;
    },
    look() {
      const found = canvas.find(sequences);
      if (position !== undefined && (found < 0 || found > position)) lost = true;
      position = found < 0 ? undefined : found;
    },
  };
}

/** The reference's: a stop never moves right, even when its token is rewritten; and once any sequence was found, only
 *  the first of the list is looked for, so an earlier occurrence of another one is missed. */
export function originalStop(canvas: Canvas, sequences: readonly (readonly number[])[]): Stop {
  let position: number | undefined;
  return {
    get position() {
      return position;
    },
    lost: false,
    look() {
      for (const sequence of sequences) {
        const found = canvas.find([sequence]);
        if (found >= 0 && (position === undefined || found < position)) position = found;
        if (position !== undefined) return;
      }
    },
  };
}
