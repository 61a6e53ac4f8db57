/** A growing list of byte offsets, eight bytes each. */
export class Offsets {
  #values = new Float64Array(1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(offset: number): void {
    if (this.#length === this.#values.length) {
      const grown = new Float64Array(2 * this.#length);
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[this.#length++] = offset;
  }

  /** A copy of exactly the offsets that were pushed. */
  finish(): Float64Array {
    return this.#values.slice(0, this.#length);
  }
}
