/** JSON counted while it comes, so that parsing what has come is a matter of milliseconds. One thread answers everybody:
 *  a few megabytes of brackets, or a million keys in a field that nothing reads, would keep all of them waiting. */

const [QUOTE, COMMA, BACKSLASH] = [0x22, 0x2c, 0x5c];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

export interface JsonLimits {
  /** Lists and objects in each other. */
  depth: number;
  /** Entries of all lists and objects together. */
  entries: number;
}

/** Of any request that this server can answer; a conversation of hundreds of turns has thousands of entries. */
export const BODY_LIMITS: JsonLimits = { depth: 64, entries: 50_000 };

/** Bytes of one JSON text, piece by piece. Whether they are JSON is for the parser to say. */
export class JsonBounds {
  readonly #limits: JsonLimits;
  #depth = 0;
  #entries = 0;
  #isInString = false;
  /** The piece ended inside a string, behind an odd number of backslashes. */
  #isEscaped = false;

  constructor(limits: JsonLimits) {
    this.#limits = limits;
  }

  /** @returns what is too much, in words; undefined while nothing is */
  take(bytes: Uint8Array): string | undefined {
    let at = 0;
    while (at < bytes.length) {
      if (this.#isInString) {
        at = this.#skipString(bytes, at);
        continue;
      }
      const byte = bytes[at++];
      if (byte === QUOTE) this.#isInString = true;
      else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
        this.#entries++;
        if (++this.#depth > this.#limits.depth)
          return `lists and objects lie in each other more than ${this.#limits.depth} deep`;
      } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) this.#depth--;
      else if (byte === COMMA) this.#entries++;
      if (this.#entries > this.#limits.entries) return `more than ${this.#limits.entries} keys and list entries`;
    }
    return undefined;
  }

  /** The place behind the string's end, or the piece's length. Pictures are strings of megabytes: `indexOf` is native. */
  #skipString(bytes: Uint8Array, from: number): number {
    let start = from;
    for (;;) {
      const quote = bytes.indexOf(QUOTE, start);
      const end = quote === -1 ? bytes.length : quote;
      let backslashes = 0;
      while (end - backslashes > start && bytes[end - backslashes - 1] === BACKSLASH) backslashes++;
      // The last piece's escape takes the first byte of this one.
      const reachesBack = end - backslashes === start && this.#isEscaped;
      const isEscaped = (backslashes + (reachesBack ? 1 : 0)) % 2 === 1;
      if (quote === -1) {
        this.#isEscaped = isEscaped;
        return end;
      }
      this.#isEscaped = false;
      if (!isEscaped) {
        this.#isInString = false;
        return quote + 1;
      }
      start = quote + 1;
    }
  }
}
