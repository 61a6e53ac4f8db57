/** What a forward pass writes: which masks it fills, and which tokens it replaces, by the rule that is chosen.
 *  Every rule fills one mask at least, so that each of them ends.
 *
 *  Several tokens that are filled at once do not see each other. All rules but a schedule of one token a step are ways to
 *  tell when that does little harm. */
import type { DecodeOptions } from "./decode-options.js";
import type { Prediction } from "./decode-step.js";
import { type DecodingRules, type Ranking, surest } from "./rules.js";

/** Masks to fill.
 *  @param fillable masks that may be filled, with the model's guess about each in `said`
 *  @param quota of the schedule; 0 is none at all */
export function masksToFill(
  fillable: readonly number[],
  quota: number,
  {
    options,
    rules,
    ranking,
    said,
  }: { options: DecodeOptions; rules: DecodingRules; ranking: Ranking; said: Prediction },
): number[] {
  if (quota === 0) return rules.choose(fillable, 0, ranking);
  const { threshold, factor, entropyBound } = options;
  if (entropyBound !== undefined) return withinEntropy(fillable, entropyBound, said);
  const confidence = () => fillable.map(said.confidence);
  if (factor !== undefined) return surest(fillable, said.confidence, countByFactor(confidence(), factor));
  return rules.choose(fillable, threshold === undefined ? quota : countSure(confidence(), threshold), ranking);
}

/** Those that are at least this sure, and one in any case. */
function countSure(confidence: readonly number[], threshold: number): number {
  return Math.max(1, confidence.filter((value) => value >= threshold).length);
}

/** The most for which the least sure of n has a confidence of at least 1 - factor / (n + 1), and one in any case.
 *  Fast-dLLM, theorem 1: with n tokens at once, the likeliest of each make the likeliest text when (n + 1) (1 - c) <= 1. */
export function countByFactor(confidence: readonly number[], factor: number): number {
  const sorted = [...confidence].sort((a, b) => b - a);
  let n = 1;
  while (n < sorted.length && (sorted[n] as number) >= 1 - factor / (n + 2)) n++;
  return n;
}

/** The longest row of the surest, by their entropies, whose sum without the largest is within the bound.
 *  EB-Sampler, section 4: what several tokens together can differ from each after the other is at most that sum. */
export function withinEntropy(
  fillable: readonly number[],
  bound: number,
  { entropy, confidence }: Pick<Prediction, "entropy" | "confidence">,
): number[] {
  const sorted = [...fillable].sort((a, b) => entropy(a) - entropy(b) || confidence(b) - confidence(a) || a - b);
  let sum = 0;
  const end = sorted.findIndex((position) => {
    const isOver = sum > bound;
    sum += entropy(position);
    return isOver;
  });
  return end < 0 ? sorted : sorted.slice(0, end);
}

/** Of the written tokens those to be replaced: where the new one is surer than `editThreshold`. ReDiff's rule is 0, always,
 *  and LLaDA-V's is 1, never. */
export function tokensToReplace(
  written: readonly number[],
  editThreshold: number | undefined,
  confidence: (position: number) => number,
): readonly number[] {
  return editThreshold === undefined || editThreshold === 0
    ? written
    : written.filter((position) => confidence(position) > editThreshold);
}
