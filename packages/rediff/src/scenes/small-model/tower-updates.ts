/** What both ways of training the small model's tower have in common: scenes drawn beside the update before, AdamW, and
 *  a rate that rises over a twentieth of the updates and falls to nothing by a cosine. */
import { detachFromScope, grad, optim, scope, type Tensor } from "@rediff/torch";
import { UserError } from "../../errors.js";
import type { Model, VisionEncoder } from "../../models/llava/llava.js";
import type { Parameter } from "../../training/backward/parameters.js";
import { parameterGroups } from "../../training/optimizer/parameter-groups.js";
import type { World } from "../world/world.js";

/** @typeParam Figures what is reported of an update beside its loss */
export interface TowerOptions<Figures> {
  /** Of the scenes, which are drawn as they are needed, those of the training split only. */
  world: World;
  updates: number;
  /** Scenes of an update. */
  batch: number;
  /** At its height. */
  learningRate: number;
  seed: number;
  onUpdate?: (report: Figures & { update: number; loss: number }) => void;
  signal?: AbortSignal;
}

/** @throws UserError for a model without a tower */
export function towerOf({ vision, folder }: Model): VisionEncoder {
  if (vision === undefined) throw new UserError(`${folder} has no vision tower`, "Give a LLaDA-V.");
  return vision;
}

/** Updates these weights in place; they need gradients only while this runs.
 *  @param draw scenes of an update, made while the one before is computed
 *  @param learn what they teach; tensors in a scope that ends with the update
 *  @throws the signal's reason */
export async function updateWeights<Batch, Figures>(
  parameters: readonly Parameter[],
  { updates, learningRate, onUpdate, signal }: TowerOptions<Figures>,
  draw: (update: number) => Promise<Batch>,
  learn: (batch: Batch) => { loss: Tensor; figures: Figures },
): Promise<void> {
  using optimizer = new optim.AdamW(
    parameterGroups(parameters, { learningRates: sameRate(learningRate), weightDecay: 0.05 }),
    { betas: [0.9, 0.98] },
  );
  const weights = parameters.map(({ weight }) => weight);
  try {
    for (const weight of weights) weight.setRequiresGrad(true);
    let next = draw(0);
    for (let update = 0; update < updates; update++) {
      signal?.throwIfAborted();
      const drawn = await next;
      if (update + 1 < updates) next = draw(update + 1);
      const report = scope(() => {
        const { loss, figures } = learn(drawn);
        const gradients = grad(loss, weights);
        for (const [i, parameter] of parameters.entries()) parameter.gradient = detachFromScope(gradients[i] as Tensor);
        return { loss: loss.item(), ...figures };
      });
      const factor = optim.learningRateFactor(update, {
        schedule: "cosine",
        totalSteps: updates,
        warmupSteps: optim.warmupSteps(0.05, updates),
      });
      optim.clipGradients(parameters, 1);
      optimizer.step(factor);
      optim.dropGradients(parameters);
      onUpdate?.({ update: update + 1, ...report });
    }
  } finally {
    for (const weight of weights) weight.setRequiresGrad(false);
  }
}

const sameRate = (rate: number) => ({ language: rate, projector: rate, vision: rate });
