/** A long computation beside everything else that a process does: timers, signals and sockets have their turn between two
 *  pieces of it, whenever they have waited for long enough. */
import type { LayersDone, Pieces } from "./chain.js";

/** Work for which the others wait. A turn costs microseconds, so small models do not feel it. */
const TURN_MS = 20;

/** When the others had their turn last. */
export class Turns {
  #turnedAt = performance.now();

  /** They have waited for long enough. */
  get areDue(): boolean {
    return performance.now() - this.#turnedAt > TURN_MS;
  }

  async give(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#turnedAt = performance.now();
  }
}

export interface InTurns {
  /** Its reason is thrown at the next turn. */
  signal?: AbortSignal | undefined;
  /** Told at every turn. */
  onLayers?: ((layers: LayersDone) => void) | undefined;
}

/** All of `pieces`, with turns between them. @throws the signal's reason */
export async function inTurns<T>(pieces: Pieces<T>, { signal, onLayers }: InTurns): Promise<T> {
  const turns = new Turns();
  try {
    for (;;) {
      const piece = pieces.next();
      if (piece.done) return piece.value;
      if (!turns.areDue) continue;
      onLayers?.(piece.value);
      await turns.give();
      signal?.throwIfAborted();
    }
  } finally {
    pieces.return(undefined as T);
  }
}
