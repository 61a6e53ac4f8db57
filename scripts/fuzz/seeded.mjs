// @ts-check
/** Random numbers by seed: the same inputs in every run and on every machine. */

/** @typedef {ReturnType<typeof seeded>} Random */

/**
 * Mulberry32, from a text and a number.
 * @param {string} name so that targets of one seed differ
 * @param {number} seed
 */
export function seeded(name, seed) {
  let state = seed >>> 0;
  for (const letter of name) state = Math.imul(state ^ (letter.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  /** In [0, 1). */
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  /** A whole number in [0, below); 0 where there is none.
   *  @param {number} below */
  const below = (below) => Math.floor(next() * Math.max(below, 1));
  return {
    next,
    below,
    /** @param {number} odds one in so many */
    oneIn: (odds) => below(odds) === 0,
    /** @template T @param {readonly T[]} list not empty @returns {T} */
    pick: (list) => /** @type {T} */ (list[below(list.length)]),
    /** @param {number} length */
    bytes: (length) => Uint8Array.from({ length }, () => below(256)),
  };
}
