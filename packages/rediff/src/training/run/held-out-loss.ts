/** The loss on samples that are not trained on, with the same corruption every time, so that two evaluations differ by
 *  the weights alone. */

import { openLoader, type SampleLoader } from "../../data/loading/loader.js";
import { openRecords, type Records } from "../../data/records/record-list.js";
import { drawGenerator } from "../../diffusion/random-draws.js";
import { inTurns } from "../../models/layer-turns.js";
import type { Ranks } from "../../ranks/ranks.js";
import { evaluatePieces, type Terms } from "../backward/micro-batch.js";
import type { TrainableModel } from "../backward/parameters.js";
import { sampleSettings } from "../recipe/data-settings.js";
import type { RecipeKeys } from "../recipe/recipe.js";
import { stepOptions } from "../recipe/step-options.js";
import type { Lockstep } from "../sharding/lockstep.js";
import { anyPictures, stepTotals } from "../sharding/step-totals.js";
import type { EvaluationReport } from "./run-report.js";
import type { ModelPlan } from "./starting-model.js";

/** Keeps the corruption of evaluations apart from that of steps. */
const EVALUATION_STEP = 2 ** 40;

export interface HeldOut extends AsyncDisposable {
  loader: SampleLoader;
  batches: number;
}

/** Opens `evaluate.data`; undefined when the recipe has none. */
export async function openHeldOut(
  recipe: RecipeKeys,
  plan: ModelPlan,
  signal?: AbortSignal,
): Promise<HeldOut | undefined> {
  const { evaluate } = recipe;
  if (evaluate === undefined) return undefined;
  const records = await openRecords(evaluate.data, { seed: recipe.seed, ...(signal && { signal }) });
  return heldOutRecords(records, evaluate.limit, recipe, plan, signal);
}

/** The first `limit` of the records, or all, in their order and in micro-batches as in training. */
export async function heldOutRecords(
  records: Records,
  limit: number | undefined,
  recipe: RecipeKeys,
  plan: ModelPlan,
  signal?: AbortSignal,
): Promise<HeldOut> {
  const loader = await openLoader({
    records,
    batching: { order: "sequential", batchSize: recipe.batch_size, seed: recipe.seed },
    settings: sampleSettings(recipe, plan.config),
    tokenizerFolder: plan.folder,
    workers: Math.min(recipe.workers, 2),
    skipLimit: recipe.skip_limit,
    ...(signal && { signal }),
  });
  const wanted = Math.min(limit ?? records.count, records.count);
  return {
    loader,
    batches: Math.ceil(wanted / recipe.batch_size),
    [Symbol.asyncDispose]: () => loader.close(),
  };
}

/** Who evaluates together, and the way through their weights where these are divided. */
export interface EvaluationRanks {
  ranks?: Ranks | undefined;
  lockstep?: Lockstep | undefined;
}

/** The mean loss of the held-out samples. */
export async function evaluateHeldOut(
  heldOut: HeldOut,
  trainable: TrainableModel,
  recipe: RecipeKeys,
  { signal, ranks, lockstep }: EvaluationRanks & { signal?: AbortSignal | undefined } = {},
): Promise<Omit<EvaluationReport, "step">> {
  const start = performance.now();
  const { rank, size } = ranks ?? { rank: 0, size: 1 };
  let samples = 0;
  let loss = 0;
  let terms: Terms = {};
  const source = heldOut.loader.batches({ epoch: 0, fromBatch: rank, every: size });
  try {
    // As many rounds on all ranks: where the weights are divided, one without a batch has them gathered for the others.
    for (let batch = rank; batch - rank < heldOut.batches; batch += size) {
      const next = batch < heldOut.batches ? await source.next() : undefined;
      const micro = next?.done === false ? next.value : [];
      if (lockstep === undefined && micro.length === 0) break;
      using draws = drawGenerator(recipe.seed, EVALUATION_STEP, batch);
      const options = { ...stepOptions(recipe), gradientScale: 1, draws };
      const pieces = micro.length === 0 ? [] : [evaluatePieces(trainable, micro, options)];
      const [result] =
        lockstep === undefined || ranks === undefined
          ? await Promise.all(pieces.map((own) => inTurns(own, { signal })))
          : await lockstep.run(pieces, { pictures: await anyPictures(ranks, [micro]), back: false, signal });
      if (result === undefined) continue;
      samples += micro.length;
      loss += result.loss * micro.length;
      for (const [term, value] of Object.entries(result.terms) as [keyof Terms, number][])
        terms[term] = (terms[term] ?? 0) + value * micro.length;
    }
  } finally {
    await source.return(undefined);
  }
  if (ranks !== undefined) {
    const sums = { loss, terms, samples, tokens: 0, rows: 0 };
    ({ loss, terms, samples } = await stepTotals(ranks, sums, { stop: false, save: false, seconds: 0 }));
  }
  const mean = Object.fromEntries(Object.entries(terms).map(([term, value]) => [term, value / samples])) as Terms;
  return { loss: loss / samples, terms: mean, samples, seconds: (performance.now() - start) / 1000 };
}
