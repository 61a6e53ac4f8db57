/** The largest value of the last minute, to ten seconds: a gauge that shows what an average hides, and forgets. */
const SLICE_MS = 10_000;
const SLICES = 6;

export class LongestLately {
  readonly #now: () => number;
  /** By the number of their ten seconds, the newest last. */
  #slices: { slice: number; longest: number }[] = [];

  /** @param now milliseconds; for tests */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  observe(value: number): void {
    const slice = Math.floor(this.#now() / SLICE_MS);
    const last = this.#slices.at(-1);
    if (last?.slice === slice) last.longest = Math.max(last.longest, value);
    else this.#slices.push({ slice, longest: value });
    if (this.#slices.length > SLICES) this.#slices.shift();
  }

  /** 0 where there was nothing. */
  get value(): number {
    const oldest = Math.floor(this.#now() / SLICE_MS) - SLICES;
    this.#slices = this.#slices.filter(({ slice }) => slice > oldest);
    return Math.max(0, ...this.#slices.map(({ longest }) => longest));
  }
}
