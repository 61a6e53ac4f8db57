/** Random permutations that are a function of numbers: the same place of the same run always gets the same one. */
import { Generator, randperm } from "@rediff/torch";

/** A random permutation of 0 ... n-1; each call draws another. */
export type Permute = (n: number) => ArrayLike<number>;

/** What a stream of random numbers is for: streams of one seed must not repeat each other. */
export const streams = { order: 1, mixture: 2, preview: 3 } as const;

/** Calls `use` with permutations drawn as torch draws them, from a generator of its own. */
export function withPermutations<Result>(seed: bigint, use: (permute: Permute) => Result): Result {
  using generator = new Generator(seed);
  return use((n) => {
    using tensor = randperm(n, generator);
    return Uint32Array.from(tensor.data("int64"), Number);
  });
}

const MASK = (1n << 64n) - 1n;

/** One seed of 64 bits out of several numbers, each of which matters (splitmix64's finalizer after each). */
export function mixSeed(...parts: readonly number[]): bigint {
  let state = 0x9e3779b97f4a7c15n;
  for (const part of parts) {
    state = (state + BigInt(part) * 0xd1342543de82ef95n + 0x9e3779b97f4a7c15n) & MASK;
    state = ((state ^ (state >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK;
    state = ((state ^ (state >> 27n)) * 0x94d049bb133111ebn) & MASK;
    state ^= state >> 31n;
  }
  return state;
}
