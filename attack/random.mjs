// Numbers that look random and are the same for the same seed, so that whatever went wrong can be had again.

/**
 * @param {string} seed
 */
export function randomOf(seed) {
  let state = 0x9e3779b9;
  for (const character of seed) state = Math.imul(state ^ (character.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  /** From 0 to 1, which it is never. */
  const share = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
  /** A whole number from 0 to `below` - 1. @param {number} below */
  const below = (below) => Math.floor(share() * below);
  return {
    share,
    below,
    /** @param {number} from @param {number} to both included */
    between: (from, to) => from + below(to - from + 1),
    /** @template T @param {readonly T[]} list @returns {T} */
    pick: (list) => /** @type {T} */ (list[below(list.length)]),
    /** Some of a list, in another order. @template T @param {readonly T[]} list @param {number} count */
    sample: (list, count) => {
      const rest = [...list];
      return Array.from({ length: Math.min(count, list.length) }, () => rest.splice(below(rest.length), 1)).flat();
    },
    /** @param {number} length */
    bytes: (length) => Uint8Array.from({ length }, () => below(256)),
  };
}

/** @typedef {ReturnType<typeof randomOf>} Random */
