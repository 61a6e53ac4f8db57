/** Rows of the pictures that were encoded last, for the next question about one of them. Exact: a visual's rows depend on
 *  its pixels and on the model alone, so a kept one is what encoding it again would give. */
import { createHash } from "node:crypto";
import { detachFromScope, elementSize, type Tensor } from "@rediff/torch";
import type { Visual } from "../../vision/tiles/tiles.js";

/** Bytes of rows that are kept where nobody says otherwise: four pictures of an 8B model in float32, all those of a small
 *  one. */
export const KEPT_BYTES = 256 << 20;

/** Of a store since it was made. */
export interface KeptUse {
  pictures: number;
  bytes: number;
  /** Visuals that did not have to be encoded. */
  found: number;
  /** Those that did. */
  encoded: number;
}

/** Of one model whose weights do not change. Owns its tensors. */
export class KeptFeatures implements Disposable {
  readonly limit: number;
  /** The one that was used last comes last. */
  readonly #rows = new Map<string, Tensor>();
  #bytes = 0;
  #found = 0;
  #encoded = 0;

  /** @param limit bytes of all rows; 0 keeps none */
  constructor(limit = KEPT_BYTES) {
    this.limit = limit;
  }

  get use(): KeptUse {
    return { pictures: this.#rows.size, bytes: this.#bytes, found: this.#found, encoded: this.#encoded };
  }

  /** A handle of its own to the rows of a visual [tokens, D], which the open scope owns. */
  find(key: string): Tensor | undefined {
    const rows = this.#rows.get(key);
    if (rows === undefined) return undefined;
    this.#found++;
    this.#rows.delete(key);
    this.#rows.set(key, rows);
    return rows.alias();
  }

  /** Keeps a handle of its own to what was encoded, in place of what was not used for longest. */
  keep(key: string, rows: Tensor): void {
    this.#encoded++;
    const bytes = bytesOf(rows);
    if (bytes > this.limit || this.#rows.has(key)) return;
    for (const [oldest, old] of this.#rows) {
      if (this.#bytes + bytes <= this.limit) break;
      this.#drop(oldest, old);
    }
    this.#rows.set(key, detachFromScope(rows.alias()));
    this.#bytes += bytes;
  }

  /** Frees what there is. It can be used again. */
  clear(): void {
    for (const [key, rows] of this.#rows) this.#drop(key, rows);
  }

  [Symbol.dispose](): void {
    this.clear();
  }

  #drop(key: string, rows: Tensor): void {
    this.#rows.delete(key);
    this.#bytes -= bytesOf(rows);
    rows.dispose();
  }
}

const bytesOf = (rows: Tensor): number => rows.numel * elementSize(rows.dtype);

/** Of pixels that are hashed before others have their turn: some milliseconds. */
const PIECE = 4 << 20;

/** What a visual's rows depend on, as a name for them: two that are equal have the same one. Yields between pieces of
 *  large ones. */
export function* visualKey({ kind, tiles, tileSize, imageSize, pixels }: Visual): Generator<undefined, string> {
  const hash = createHash("sha256").update(JSON.stringify([kind, tiles, tileSize, imageSize.width, imageSize.height]));
  for (let start = 0; start < pixels.length; start += PIECE) {
    if (start > 0) yield;
    hash.update(pixels.subarray(start, start + PIECE));
  }
  return hash.digest("base64");
}
