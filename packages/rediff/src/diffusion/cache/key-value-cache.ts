/** Keys and values of one sequence, kept from pass to pass: those of rows that a pass does not compute stay what they were.
 *  K key-value heads, L positions, R of them in the pass, H head width.
 *
 *  Keys are kept rotated, and both head by head, as attention on a CPU reads them; or with those of other sequences
 *  (kept-together.ts). A pass may be asked again with the same rows (a
 *  pass that failed on another prompt is): it overwrites what it wrote. */
import type { Tensor } from "@rediff/torch";
import type { KeyValues } from "../../models/llada/attend.js";
import { KeptPart } from "./kept-together.js";
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
class KeptKeyValues implements SegmentFeatures, Disposable {
  readonly keepsOutputs = false;
  readonly part = new KeptPart(() => this.isWhole);
  rows: Tensor | undefined;

  get isWhole(): boolean {
    return this.rows === undefined;
  }

  due(): undefined {
    return undefined;
  }

  seen(due: KeyValues): KeyValues {
    this.part.goOnAlone();
    if (this.rows !== undefined) return this.part.write(due, this.rows);
    this.part.keep(due);
    return due;
  }

  output(): never {
    throw new Error("no outputs are kept");
  }

  [Symbol.dispose](): void {
    this.part[Symbol.dispose]();
  }
}
