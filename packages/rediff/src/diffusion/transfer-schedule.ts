/** How many masks each step of a block fills (LLaDA, arXiv 2502.09992, algorithm 4: an even noise schedule). */

/** k_i = floor(m / T), and one more in each of the first m mod T steps. Sums to `masked`. */
export function transferSchedule(masked: number, steps: number): number[] {
  const base = Math.floor(masked / steps);
  const remainder = masked % steps;
  return Array.from({ length: steps }, (_, i) => base + (i < remainder ? 1 : 0));
}

/** Steps for about `tokensPerStep` tokens in each, the same number in every block. */
export function stepsFor(genLength: number, blockLength: number, tokensPerStep: number): number {
  return Math.ceil(blockLength / tokensPerStep) * (genLength / blockLength);
}

/** How many of `count` written tokens `revise_topk` lets be rewritten: floor(count * fraction), the product in float32
 *  as the reference's tensor arithmetic has it (90 * 0.7 gives 63, not 62). */
export function reviseCount(count: number, fraction: number): number {
  return Math.floor(Math.fround(Math.fround(count) * Math.fround(fraction)));
}
