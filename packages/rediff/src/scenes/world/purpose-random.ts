/** Random numbers that a seed and a purpose determine, the same on every machine: nothing here knows how many
 *  processes or threads share out the work. Without libtorch, which the scenes do not need. */

export interface Rng {
  /** [0, 1) */
  next(): number;
  between(low: number, high: number): number;
  /** 0 .. count - 1 */
  below(count: number): number;
  chance(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
  /** A new array in random order. */
  shuffle<T>(items: readonly T[]): T[];
}

/** Each list of parts, for example (seed, "facts", index), is a stream of its own. */
export function rng(...parts: readonly (string | number)[]): Rng {
  // Two hashes: with 32 bits, two of a million scenes would be the same.
  const next = sfc32(stableHash(...parts), stableHash("second", ...parts));
  const below = (count: number) => Math.floor(next() * count);
  return {
    next,
    below,
    between: (low, high) => low + (high - low) * next(),
    chance: (probability) => next() < probability,
    pick: (items) => {
      if (items.length === 0) throw new RangeError("pick: nothing to pick from");
      return items[below(items.length)] as (typeof items)[number];
    },
    shuffle: (items) => {
      const order = [...items];
      for (let i = order.length - 1; i > 0; i--) {
        const j = below(i + 1);
        [order[i], order[j]] = [order[j] as (typeof items)[number], order[i] as (typeof items)[number]];
      }
      return order;
    },
  };
}

/** 32 bits that are the same everywhere and for ever: FNV-1a with a final mix (murmur3's). */
export function stableHash(...parts: readonly (string | number)[]): number {
  let hash = 0x811c9dc5;
  for (const part of parts) {
    for (const char of `${part}\u0000`) {
      hash ^= char.codePointAt(0) ?? 0;
      hash = Math.imul(hash, 0x01000193);
    }
  }
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Chris Doty-Humphrey's sfc32. */
function sfc32(first: number, second: number): () => number {
  let [a, b, c, counter] = [first | 0, second | 0, 0x243f6a88 | 0, 1];
  const next = () => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 15; i++) next();
  return next;
}
