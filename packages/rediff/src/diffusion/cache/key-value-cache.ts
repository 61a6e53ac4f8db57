/** Keys and values of one sequence, kept from pass to pass: those of rows that a pass does not compute stay what they were.
 *  K key-value heads, L positions, R of them in the pass, H head width.
 *
 *  Keys are kept rotated, and both head by head, as attention on a CPU reads them; or with those of other sequences
 *  (kept-together.ts). A pass may be asked again with the same rows (a
 *  pass that failed on another prompt is): it overwrites what it wrote. */
import { detachFromScope, type Tensor } from "@rediff/torch";
import type { KeyValues } from "../../models/llada/attend.js";
import type { KeptPart, KeptTogether } from "./kept-together.js";
import type { SegmentFeatures } from "./packed-features.js";

export class KeyValueCache implements Disposable {
  readonly layers: readonly KeptKeyValues[];

  constructor(layers: number) {
    this.layers = Array.from({ length: layers }, () => new KeptKeyValues());
  }

  /** Begins a forward pass. @param rows int64 [R], undefined for all; must live until the pass is over */
  begin(rows: Tensor | undefined): void {
    for (const layer of this.layers) layer.rows = rows;
  }

  [Symbol.dispose](): void {
    for (const layer of this.layers) layer[Symbol.dispose]();
  }
}

/** Of one layer. */
class KeptKeyValues implements SegmentFeatures, KeptPart, Disposable {
  readonly keepsOutputs = false;
  readonly part = this;
  rows: Tensor | undefined;
  #kept: KeyValues | undefined; // [1, K, L, H]
  #home: KeptTogether | undefined;

  get kept(): KeyValues | undefined {
    return this.#kept;
  }

  get home(): KeptTogether | undefined {
    return this.#home;
  }

  moveTo(home: KeptTogether, kept: KeyValues): void {
    this[Symbol.dispose]();
    this.#kept = kept;
    this.#home = home;
  }

  get isWhole(): boolean {
    return this.rows === undefined;
  }

  due(): undefined {
    return undefined;
  }

  seen(due: KeyValues): KeyValues {
    // Alone again: nobody else's memory is held for it.
    if (this.#home?.isPartlyLeft) {
      const own = this.#kept && keep(undefined, this.#kept);
      this[Symbol.dispose]();
      this.#kept = own;
    }
    if (this.rows === undefined) {
      this.#kept = keep(this.#kept, due);
      return due;
    }
    if (this.#kept === undefined) throw new Error("nothing is kept yet: the first pass computes everything");
    this.#kept.keys.indexCopy_(2, this.rows, due.keys);
    this.#kept.values.indexCopy_(2, this.rows, due.values);
    return this.#kept;
  }

  output(): never {
    throw new Error("no outputs are kept");
  }

  [Symbol.dispose](): void {
    this.#kept?.keys.dispose();
    this.#kept?.values.dispose();
    this.#kept = undefined;
    this.#home?.left();
    this.#home = undefined;
  }
}

/** A copy beyond the scope it was made in, in the place of the one before. */
export function keep(before: KeyValues | undefined, { keys, values }: KeyValues): KeyValues {
  const copy = (kept: Tensor | undefined, now: Tensor): Tensor =>
    kept?.copy_(now) ?? detachFromScope(now.clone({ memoryFormat: "contiguous" }));
  return { keys: copy(before?.keys, keys), values: copy(before?.values, values) };
}
