/** Keys and values that several sequences keep, in one piece of memory, position by position: so that one attention sees
 *  them all, and one copy brings all new rows to their places.
 *  T positions of all sequences, K key-value heads, L positions of one, R rows in a pass, H head width.
 *
 *  Each sequence goes on owning its own part. When another set of sequences is decoded than before, the parts are moved to
 *  a new piece: once, and not in every step, which would read and write all that is kept as often as attention reads it.
 *  A layer is moved when its turn comes, so that there is one more of one layer at most. */
import { detachFromScope, empty, scope, type Tensor } from "@rediff/torch";
import type { KeyValues } from "../../models/llada/attend.js";

/** What one sequence keeps in one layer: apart, head by head, or in a piece with others. */
export class KeptPart implements Disposable {
  readonly #isWhole: () => boolean;
  #kept: KeyValues | undefined;
  #home: KeptTogether | undefined;

  /** @param isWhole whether all of it is computed in the pass under way */
  constructor(isWhole: () => boolean) {
    this.#isWhole = isWhole;
  }

  get isWhole(): boolean {
    return this.#isWhole();
  }

  /** [1, K, L, H] @throws before the first pass, which computes everything */
  get kept(): KeyValues {
    if (this.#kept === undefined) throw new Error("nothing is kept yet: the first pass computes everything");
    return this.#kept;
  }

  /** The piece that it lies in. */
  get home(): KeptTogether | undefined {
    return this.#home;
  }

  /** Keeps a copy, in the place of what was kept. */
  keep({ keys, values }: KeyValues): void {
    const copy = (kept: Tensor | undefined, now: Tensor): Tensor =>
      kept?.copy_(now) ?? detachFromScope(now.clone({ memoryFormat: "contiguous" }));
    this.#kept = { keys: copy(this.#kept?.keys, keys), values: copy(this.#kept?.values, values) };
  }

  /** Puts these rows where they belong. @param places int64 [R] */
  write({ keys, values }: KeyValues, places: Tensor): KeyValues {
    this.kept.keys.indexCopy_(2, places, keys);
    this.kept.values.indexCopy_(2, places, values);
    return this.kept;
  }

  /** For a pass that does not see all sequences in one piece: memory that others have left is not held any longer. */
  goOnAlone(): void {
    if (!this.#home?.isPartlyLeft || this.#kept === undefined) return;
    const { keys, values } = this.#kept;
    const own = (x: Tensor): Tensor => detachFromScope(x.clone({ memoryFormat: "contiguous" }));
    const copies = { keys: own(keys), values: own(values) };
    this[Symbol.dispose]();
    this.#kept = copies;
  }

  /** Gives up what it had, and has its part there from now on. */
  moveTo(home: KeptTogether, kept: KeyValues): void {
    this[Symbol.dispose]();
    [this.#home, this.#kept] = [home, kept];
  }

  [Symbol.dispose](): void {
    this.#kept?.keys.dispose();
    this.#kept?.values.dispose();
    this.#kept = undefined;
    this.#home?.left();
    this.#home = undefined;
  }
}

export class KeptTogether {
  /** [T, K, H] */
  readonly #keys: Tensor;
  readonly #values: Tensor;
  readonly #parts: readonly KeptPart[];
  #residents: number;

  private constructor(parts: readonly KeptPart[], lengths: readonly number[], like: KeyValues) {
    const [, heads = 1, , width = 0] = like.keys.shape;
    const total = lengths.reduce((sum, length) => sum + length, 0);
    const all = (x: Tensor): Tensor => detachFromScope(empty([total, heads, width], x));
    this.#keys = all(like.keys);
    this.#values = all(like.values);
    this.#parts = [...parts];
    this.#residents = parts.length;
    let start = 0;
    for (const [i, part] of parts.entries()) {
      const length = lengths[i] as number;
      this.#settle(part, start, length);
      start += length;
    }
  }

  /** Of these sequences, in this order: as they lie already, or moved. */
  static of(parts: readonly KeptPart[], lengths: readonly number[], like: KeyValues): KeptTogether {
    const home = parts[0]?.home;
    return home?.holds(parts) ? home : new KeptTogether(parts, lengths, like);
  }

  /** All of them: [1, K, T, H] */
  get all(): KeyValues {
    const heads = (x_TKH: Tensor): Tensor => x_TKH.transpose(0, 1).unsqueeze(0);
    return { keys: heads(this.#keys), values: heads(this.#values) };
  }

  /** Puts the rows of a pass where they belong: [1, K, R, H]
   *  @param places int64 [R]; undefined where they are all of them */
  write({ keys, values }: KeyValues, places: Tensor | undefined): void {
    scope(() => {
      for (const [kept_TKH, due_1KRH] of [
        [this.#keys, keys],
        [this.#values, values],
      ] as const) {
        const due_RKH = due_1KRH.squeezeDim(0).transpose(0, 1);
        if (places === undefined) kept_TKH.copy_(due_RKH);
        else kept_TKH.indexCopy_(0, places, due_RKH);
      }
    });
  }

  private holds(parts: readonly KeptPart[]): boolean {
    return parts.length === this.#residents && parts.every((part, i) => this.#parts[i] === part && part.home === this);
  }

  /** Some of its memory is nobody's any more. */
  get isPartlyLeft(): boolean {
    return this.#residents < this.#parts.length;
  }

  /** A part is elsewhere from now on, or nowhere. */
  left(): void {
    this.#residents--;
    if (this.#residents > 0) return;
    this.#keys.dispose();
    this.#values.dispose();
  }

  #settle(part: KeptPart, start: number, length: number): void {
    const place = (x_TKH: Tensor): Tensor => scope(() => x_TKH.narrow(0, start, length).transpose(0, 1).unsqueeze(0)); // [1, K, L, H]
    const own = { keys: detachFromScope(place(this.#keys)), values: detachFromScope(place(this.#values)) };
    // What is computed anew is written later.
    if (!part.isWhole) {
      own.keys.copy_(part.kept.keys);
      own.values.copy_(part.kept.values);
    }
    part.moveTo(this, own);
  }
}
