/** Pictures for the page, drawn anew where a browser cannot show them. One process of their own: a phone's photo takes
 *  seconds, in which pictures of requests are not to wait. */
import type { Redrawn, RedrawOptions } from "../../vision/picture/redraw-picture.js";
import type { DecodingLimits } from "../../vision/workers/decoding-limits.js";
import { VisionPool } from "../../vision/workers/vision-pool.js";
import { EngineError } from "../engine/engine-error.js";

/** Files that wait in memory at most, the one under way included. */
const WAITING = 16;
/** What one takes, roughly. */
const SECONDS = 3;

/** Owns a process, which is started when the first picture comes: `close()` it. */
export class Redraws {
  readonly #pool: VisionPool;
  #waiting = 0;

  constructor(limits: DecodingLimits) {
    this.#pool = new VisionPool({ workers: 1, isolation: limits });
  }

  /** @throws EngineError when too many wait; UserError for what is wrong with the file; the signal's reason */
  async redraw(bytes: Uint8Array, options: RedrawOptions, signal: AbortSignal): Promise<Redrawn> {
    if (this.#waiting >= WAITING)
      throw new EngineError("busy", `${WAITING} pictures wait to be drawn anew`, WAITING * SECONDS);
    this.#waiting++;
    try {
      return await this.#pool.redraw(bytes, options, signal);
    } finally {
      this.#waiting--;
    }
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}
