/** Memory that caches may take together. A prompt whose cache does not fit is decoded without: slower, with the exact
 *  tokens, and its answer says so. */
import type { CacheOptions } from "./cache-options.js";
import type { CacheUse } from "./decoding-cache.js";

export class CacheBudget {
  readonly limit: number;
  #held = 0;

  /** @param limit bytes */
  constructor(limit = Number.POSITIVE_INFINITY) {
    this.limit = limit;
  }

  get held(): number {
    return this.#held;
  }

  /** @returns whether there was room for so many bytes; then they are to be given back */
  take(bytes: number): boolean {
    if (this.#held + bytes > this.limit) return false;
    this.#held += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#held -= bytes;
  }
}

/** What an answer says of the cache that it asked for. */
export interface CacheReport extends CacheUse {
  kind: CacheOptions["kind"];
  /** False where there was no memory for it: then it was decoded without. */
  on: boolean;
  /** That it took, or would have taken. */
  bytes: number;
  /** Where tokens may be revised: whether a pass without it changed nothing at the end. Undefined where nothing was to be
   *  certified, as no pass used it or nobody asked. */
  certified?: boolean;
}
