/** Keys and values that several sequences keep, in one piece of memory, position by position: so that one attention sees
 *  them all, and one copy brings all new rows to their places.
 *  T positions of all sequences, K key-value heads, L positions of one, R rows in a pass, H head width.
 *
 *  Each sequence goes on owning its own part. When another set of sequences is decoded than before, the parts are moved to
 *  a new piece: once, and not in every step, which would read and write all that is kept as often as attention reads it.
 *  A layer is moved when its turn comes, so that there is one more of one layer at most. */
import { detachFromScope, empty, scope, type Tensor } from "@rediff/torch";
import type { KeyValues } from "../../models/llada/attend.js";

/** A sequence's part in one layer. */
export interface KeptPart {
  /** All of it is computed in this pass. */
  readonly isWhole: boolean;
  /** [1, K, L, H]; undefined before the first pass. */
  readonly kept: KeyValues | undefined;
  /** Where that lies, with others. */
  readonly home: KeptTogether | undefined;
  /** Gives up what it had, and has its part there from now on. */
  moveTo(home: KeptTogether, kept: KeyValues): void;
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
      if (part.kept === undefined) throw new Error("nothing is kept yet: the first pass computes everything");
      own.keys.copy_(part.kept.keys);
      own.values.copy_(part.kept.values);
    }
    part.moveTo(this, own);
  }
}
