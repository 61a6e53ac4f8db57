/** Bodies come in by turns: in each round of the event loop so many pieces of large ones, whoever sends them, so that a
 *  round lasts a fraction of a millisecond longer than without them. */
const PIECES_OF_ROUND = 4;

export class PieceTurns {
  readonly #waiting: (() => void)[] = [];

  /** Resolves when the next piece may be read. */
  take(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#waiting.push(resolve) === 1) setImmediate(() => this.#round());
    });
  }

  #round(): void {
    for (const begin of this.#waiting.splice(0, PIECES_OF_ROUND)) begin();
    if (this.#waiting.length > 0) setImmediate(() => this.#round());
  }
}
