/** Where every step of a run finds its data: a function of the recipe and the data alone, so that a run that is resumed
 *  needs to know its step and nothing else.
 *
 *  An epoch has floor(micro-batches / accumulation) steps where `drop_last` says so (at least one), else the last step
 *  of an epoch takes what is left. */
import type { EpochBatches } from "../../data/loading/epoch-batches.js";
import type { RecipeKeys } from "../recipe/recipe.js";

export interface StepPlace {
  epoch: number;
  /** The first micro-batch within its epoch, and how many the step takes. */
  firstBatch: number;
  batches: number;
}

export interface BatchPlan {
  totalSteps: number;
  /** @throws RangeError for a step outside of the run */
  place(step: number): StepPlace;
}

type Keys = Pick<RecipeKeys, "epochs" | "max_steps" | "gradient_accumulation_steps" | "drop_last">;

/** @param batchesOf the micro-batches of an epoch; with a token budget their number changes from epoch to epoch */
export function planBatches(recipe: Keys, batchesOf: (epoch: number) => Pick<EpochBatches, "batches">): BatchPlan {
  const perStep = recipe.gradient_accumulation_steps;
  const batchesIn = (epoch: number) => batchesOf(epoch).batches;
  const stepsIn = (epoch: number) =>
    Math.max(1, (recipe.drop_last ? Math.floor : Math.ceil)(batchesIn(epoch) / perStep));

  // First steps of the epochs that were looked at.
  const starts = [0];
  const startOf = (epoch: number): number => {
    for (let known = starts.length; known <= epoch; known++)
      starts.push((starts[known - 1] as number) + stepsIn(known - 1));
    return starts[epoch] as number;
  };
  const whole = Math.floor(recipe.epochs);
  const rest = recipe.epochs - whole;
  const byEpochs = () => startOf(whole) + (rest > 0 ? Math.ceil(rest * stepsIn(whole)) : 0);
  const totalSteps = recipe.max_steps ?? byEpochs();

  return {
    totalSteps,
    place(step) {
      if (!(step >= 0 && step < totalSteps)) throw new RangeError(`there is no step ${step} of ${totalSteps}`);
      let epoch = 0;
      while (startOf(epoch + 1) <= step) epoch++;
      const firstBatch = (step - startOf(epoch)) * perStep;
      return { epoch, firstBatch, batches: Math.min(perStep, batchesIn(epoch) - firstBatch) };
    },
  };
}

/** What each micro-batch of a step weighs in its gradient; the weights add up to 1. */
export function microBatchWeights(
  batches: readonly { samples: number; labelled: number }[],
  weighting: RecipeKeys["accumulation_weighting"],
): number[] {
  const sizes = batches.map(({ samples, labelled }) =>
    weighting === "micro_batch" ? 1 : weighting === "sample" ? samples : labelled,
  );
  const total = sizes.reduce((sum, size) => sum + size, 0);
  return sizes.map((size) => (total === 0 ? 0 : size / total));
}
