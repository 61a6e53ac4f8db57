/** What the ranks tell each other of a step: sums of what they counted, what was asked of any of them, and how long each
 *  has worked. One collective of some numbers. */
import { tensor } from "@rediff/torch";
import type { TrainingSample } from "../../data/samples/sample.js";
import type { Ranks } from "../../ranks/ranks.js";
import type { Terms } from "../backward/micro-batch.js";

export interface StepSums {
  loss: number;
  terms: Terms;
  samples: number;
  tokens: number;
  rows: number;
}

export interface StepTotals extends StepSums {
  /** Any rank was asked to. */
  stop: boolean;
  save: boolean;
  /** Seconds that each rank worked on its micro-batches. */
  worked: number[];
}

const TERMS = ["masked", "corrupted", "clean", "revised"] as const;

export async function stepTotals(
  ranks: Ranks,
  sums: StepSums,
  own: { stop: boolean; save: boolean; seconds: number },
): Promise<StepTotals> {
  const { loss, terms, samples, tokens, rows } = sums;
  const worked = Array.from({ length: ranks.size }, (_, rank) => (rank === ranks.rank ? own.seconds : 0));
  const [totalLoss = 0, allSamples = 0, allTokens = 0, allRows = 0, stop = 0, save = 0, ...rest] = await summed(ranks, [
    ...[loss, samples, tokens, rows, own.stop ? 1 : 0, own.save ? 1 : 0],
    ...TERMS.flatMap((term) => [terms[term] ?? 0, terms[term] === undefined ? 0 : 1]),
    ...worked,
  ]);
  const all: Terms = {};
  for (const [i, term] of TERMS.entries()) if ((rest[2 * i + 1] ?? 0) > 0) all[term] = rest[2 * i] as number;
  return {
    ...{ loss: totalLoss, terms: all, samples: allSamples, tokens: allTokens, rows: allRows },
    ...{ stop: stop > 0, save: save > 0 },
    worked: rest.slice(2 * TERMS.length),
  };
}

/** Whether any rank's micro-batches have a picture. */
export async function anyPictures(ranks: Ranks, batches: readonly (readonly TrainingSample[])[]): Promise<boolean> {
  const own = batches.flat().some(({ visuals }) => visuals.length > 0);
  const [count = 0] = await summed(ranks, [own ? 1 : 0]);
  return count > 0;
}

/** The sums of all ranks' numbers, place by place. */
export async function summed(ranks: Ranks, values: readonly number[]): Promise<number[]> {
  using row = tensor([...values], { dtype: "float64" });
  await ranks.group.allReduce(row).wait();
  return row.toNumbers();
}
