/** The two sets of rules that denoising can follow: ours, and the original's with its quirks.
 *
 *  `ourRules` ask and write only where something can still change. `originalRules` do what `generate_with_embeds` of the
 *  reference does, and are the yardstick: where no quirk bites, both give the same tokens.
 *  No tensors here, so that options can be judged before libtorch is loaded. */
import type { Block, Canvas } from "./canvas.js";
import { currentStop, originalStop, type Stop } from "./stop.js";

/** How sure the model is of a token, computed
 *  - beside_others: in float32, from what all other tokens weigh beside the likeliest, so that 1 - 1e-9 and 1 - 1e-10 stay
 *    apart
 *  - float64_softmax: as a float64 softmax over the whole vocabulary; slow */
export type ConfidenceRule = "beside_others" | "float64_softmax";

/** torch.topk over one row: indices of the `k` highest values. Its order of equal values is its own affair. */
export type TopkOfRow = (confidence: Float64Array, k: number) => number[];

/** What the model thinks of the positions of a sequence. */
export interface Ranking {
  confidence: (position: number) => number;
  /** Positions of the whole sequence. */
  length: number;
  topkOfRow: TopkOfRow;
}

export interface DecodingRules {
  /** How the end of the answer is found. */
  stop: (canvas: Canvas, sequences: readonly (readonly number[])[]) => Stop;
  /** In which part of the sequence, [start, end), masks may be filled. A revision of the surest tokens keeps before its
   *  end, too. */
  reach: (canvas: Canvas, block: Block, stop: Stop) => { start: number; end: number };
  /** The positions that the model is asked about, in ascending order. */
  asked: (canvas: Canvas, fillable: readonly number[], revisable: readonly number[]) => readonly number[];
  /** The positions to write: `k` of the candidates, by confidence. */
  choose: (candidates: readonly number[], k: number, ranking: Ranking) => number[];
  confidence: ConfidenceRule;
  /** Options that cannot be had under these rules, and why; of `rule`, all but the schedule. */
  excludes: Readonly<Partial<Record<"fixed" | "rule" | "reviseRest" | "confidenceAmong" | "cache", string>>>;
}

export const ourRules: DecodingRules = {
  stop: currentStop,
  reach: ({ promptLength }, block, stop) => ({
    start: promptLength,
    end: Math.min(stop.position ?? block.end, block.end),
  }),
  asked: (_, fillable, revisable) => [...fillable, ...revisable].sort((a, b) => a - b),
  choose: (candidates, k, { confidence }) => surest(candidates, confidence, k),
  confidence: "beside_others",
  excludes: {},
};

export const originalRules: DecodingRules = {
  stop: originalStop,
  // A stop inside a draft may lie in a later block: masks up to it are filled from the first block on, and some are left
  // for good. And where top-k overflowed, the prompt may hold a mask, which is then filled again.
  reach: (_, block, stop) => ({ start: 0, end: stop.position ?? block.end }),
  asked: ({ length }) => Array.from({ length }, (_, position) => position),
  choose: overflowing,
  confidence: "float64_softmax",
  excludes: {
    fixed: "fixed positions cannot be kept with compat, whose top-k may write anywhere",
    rule: "cannot be used with compat: the reference has none",
    reviseRest: "reviseRest cannot be used with compat: the reference stops when all is written",
    cache: "cache refresh and fast-dllm keep nothing with compat, which asks about every position in every pass",
    confidenceAmong: "confidenceAmong all cannot be used with compat: the reference leaves out what is forbidden",
  },
};

/** What the user's word `compat` stands for. */
export const rulesOf = (compat: boolean): DecodingRules => (compat ? originalRules : ourRules);

/** The `k` surest of the candidates; of equally sure ones the leftmost. */
export function surest(candidates: readonly number[], confidence: (position: number) => number, k: number): number[] {
  if (k >= candidates.length) return [...candidates];
  return [...candidates].sort((a, b) => confidence(b) - confidence(a) || a - b).slice(0, k);
}

/** The reference's top-k over the whole row, in which only candidates are above -inf. With fewer candidates than `k` it
 *  takes positions that are none, in the order in which torch.topk happens to return equal values, and those are written
 *  too, prompt included. */
function overflowing(candidates: readonly number[], k: number, { confidence, length, topkOfRow }: Ranking): number[] {
  if (k === 0) return [];
  const row = new Float64Array(length).fill(Number.NEGATIVE_INFINITY);
  for (const candidate of candidates) row[candidate] = confidence(candidate);
  return topkOfRow(row, k);
}
