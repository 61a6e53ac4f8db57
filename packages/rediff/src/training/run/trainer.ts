/** A training from its recipe to the trained model: what earlier runs have left, the data, the model; the steps are
 *  training-run.ts's.
 *
 *  Whatever a step does is a function of the recipe, the data and the step's number (order, corruption, learning rate)
 *  and of the weights and moments before it. So a run that was killed goes on from its last checkpoint with the same
 *  losses. */
import { allowTf32 } from "@rediff/torch";
import { z } from "zod";
import { openCheckpoint } from "../../checkpoint/weights.js";
import { openLoader } from "../../data/loading/loader.js";
import { openRecords } from "../../data/records/record-list.js";
import { UserError } from "../../errors.js";
import { sweepLeftovers } from "../../files/whole-folder.js";
import { shownValue } from "../../options/issue-text.js";
import { abortSignal, flag, listener, object, optionSet } from "../../options/option-set.js";
import { agreed, type Ranks } from "../../ranks/ranks.js";
import { namedTensors } from "../backward/parameters.js";
import { fingerprintData } from "../checkpoint/data-fingerprint.js";
import { readState } from "../checkpoint/training-checkpoint.js";
import { batchOptions, sampleSettings } from "../recipe/data-settings.js";
import { dtypeSchema, type RecipeKeys } from "../recipe/recipe.js";
import { planBatches } from "./batch-plan.js";
import { settleDtype } from "./default-dtype.js";
import { checkpointToResume, finishedDataNote, finishedRun, sameDataNote } from "./earlier-run.js";
import { openHeldOut } from "./held-out-loss.js";
import { lockOutput } from "./run-lock.js";
import type { RunRequests } from "./run-parts.js";
import { observerTypes, type TrainObserver, type TrainResult, trainResultSchema } from "./run-report.js";
import { deviceOf, type LoadedModel, loadForTraining, planModel } from "./starting-model.js";
import { Run } from "./training-run.js";

export type { RunRequests } from "./run-parts.js";

export interface TrainOptions extends TrainObserver {
  /** "auto" goes on from the newest checkpoint in the output folder; "never" refuses an output folder that has one. */
  resume?: "auto" | "never";
  /** Goes on although the data is not what the checkpoint was made with. Default false. */
  acceptChangedData?: boolean;
  requests?: RunRequests;
  /** Ends the run at once; what was done since the last checkpoint is lost. */
  signal?: AbortSignal;
  /** The processes that train together, this one among them; each calls `train` with the same recipe. Rank 0 writes and
   *  tells; observers of the others hear of skipped samples only. They stay the caller's. */
  ranks?: Ranks | undefined;
}

/** Observers may be given as they are, and those that write files can be closed. */
const checkTrain = optionSet<TrainOptions & { close?(): void }>({
  resume: z.enum(["auto", "never"]),
  acceptChangedData: flag,
  requests: object,
  signal: abortSignal,
  ranks: object,
  ...observerTypes,
  close: listener,
});

/** Trains what the recipe says.
 *  @throws UserError when recipe, data or model do not fit; when too many samples are bad; when the loss is not finite
 *  (nothing was updated by it then) */
export async function train(asked: RecipeKeys, options: TrainOptions = {}): Promise<TrainResult> {
  checkTrain(options);
  const { ranks } = options;
  if (ranks === undefined) return await trainOne(asked, options);
  try {
    return await trainOne(asked, ranks.rank === 0 ? options : unheard(options));
  } catch (error) {
    throw await ranks.blame(error);
  }
}

/** Without the observers of what rank 0 tells. */
function unheard({ resume, acceptChangedData, requests, signal, ranks, onSkip }: TrainOptions): TrainOptions {
  return {
    ...{ resume: resume ?? "auto", acceptChangedData: acceptChangedData ?? false, ranks },
    ...(requests && { requests }),
    ...(signal && { signal }),
    ...(onSkip && { onSkip }),
  };
}

async function trainOne(asked: RecipeKeys, options: TrainOptions): Promise<TrainResult> {
  if (typeof asked !== "object" || asked === null || typeof asked.output !== "string")
    throw new UserError(`train takes a recipe, got ${shownValue(asked)}`, "readRecipe and parseRecipe give one.");
  const { requests = { save: false, stop: false }, signal, ranks } = options;
  const processes = ranks?.size ?? 1;
  const isFirst = (ranks?.rank ?? 0) === 0;
  // What is measured of processors may differ between machines.
  const dtype = await agreed(ranks, dtypeSchema, () => settleDtype(asked, options.onNote).dtype);
  const recipe = { ...asked, dtype };
  assertSharding(recipe, ranks);
  const done = await agreed(ranks, trainResultSchema.optional(), () => finishedRun(recipe, processes));
  if (done !== undefined) {
    if (!isFirst) return done;
    const note = await finishedDataNote(recipe.output, options.acceptChangedData ?? false, signal);
    if (note !== undefined) options.onNote?.(note);
    return done;
  }
  using _ = isFirst ? await lockOutput(recipe.output, { onNote: options.onNote }) : undefined;
  const checkpoint = await agreed(ranks, z.string().optional(), async () => {
    await sweepLeftovers(recipe.output);
    return checkpointToResume(recipe, options.resume ?? "auto", processes);
  });
  const saved = checkpoint === undefined ? undefined : readState(checkpoint);
  deviceOf(recipe, ranks?.localRank); // a missing GPU is told before the data is read

  const modelPlan = await planModel(recipe, checkpoint);
  openCheckpoint(modelPlan.parts.weights)[Symbol.dispose](); // missing shards are told before the data is read
  const records = await openRecords(recipe.data, {
    seed: recipe.seed,
    onProgress: (done, total) => options.onPreparation?.("reading the data files", done, total),
    ...(signal && { signal }),
  });
  // One process reads all of the data's beginnings; it is also the one that writes them down.
  const data = !isFirst
    ? []
    : await fingerprintData(records, {
        how: recipe.data_fingerprint,
        like: saved?.data,
        onProgress: (done, total) => options.onPreparation?.("hashing the data files", done, total),
        ...(signal && { signal }),
      });
  if (isFirst && checkpoint !== undefined && saved !== undefined) {
    const note = sameDataNote(checkpoint, saved.data, data, options.acceptChangedData ?? false);
    if (note !== undefined) options.onNote?.(note);
  }
  await using loader = await openLoader({
    records,
    batching: batchOptions(recipe, processes),
    settings: sampleSettings(recipe, modelPlan.config),
    tokenizerFolder: modelPlan.folder,
    workers: recipe.workers,
    prefetch: Math.max(2, recipe.gradient_accumulation_steps),
    skipLimit: recipe.skip_limit,
    onSkip: (skip) => options.onSkip?.(skip),
    onNote: (note) => options.onNote?.(`data: ${note}`),
    onMeasure: (done, total) => options.onPreparation?.("measuring the samples", done, total),
    ...(signal && { signal }),
  });
  await using heldOut = await openHeldOut(recipe, modelPlan, signal);
  const batchPlan = planBatches(ofAll(recipe, processes), (epoch) => loader.epochBatches(epoch));

  options.onNote?.(`loading ${modelPlan.parts.folder}`);
  await using loaded = await loadForTraining(
    recipe,
    modelPlan,
    checkpoint,
    options.onNote && ((line) => options.onNote?.(line)),
    ranks,
  );
  if (loaded.device !== "cpu") allowTf32(recipe.tf32);
  using run = new Run(recipe, { loaded, loader, data, heldOut, batchPlan, options });
  if (checkpoint !== undefined && saved !== undefined) run.restore(checkpoint, saved);
  await ranks?.group.barrier().wait(); // all have their model, or none begins
  options.onStart?.({
    output: recipe.output,
    device: loaded.device,
    dtype: recipe.dtype,
    totalSteps: batchPlan.totalSteps,
    firstStep: run.step,
    resumedFrom: checkpoint,
    records: records.count,
    processes,
    ...sizes(loaded),
  });
  return await run.go(requests, signal);
}

/** What is not worked out, told before anything is loaded. */
function assertSharding({ sharding }: RecipeKeys, ranks: Ranks | undefined): void {
  if (sharding === "none" || ranks !== undefined) return;
  throw new UserError(
    `sharding is ${sharding}, and this process is alone`,
    "Start several: `rediff launch --nproc N -- train ...` (docs/scale.md); one process has all of the state, and needs no sharding.",
  );
}

/** Micro-batches of a step are counted over all processes. */
const ofAll = (recipe: RecipeKeys, processes: number): RecipeKeys => ({
  ...recipe,
  gradient_accumulation_steps: recipe.gradient_accumulation_steps * processes,
});

/** Trained beside what is there, and the work that a token is. */
function sizes(loaded: LoadedModel) {
  const { model, parameters } = loaded.trainable;
  const count = (tensors: readonly { numel: number }[]) => tensors.reduce((sum, { numel }) => sum + numel, 0);
  const named = namedTensors(model);
  const adapters = [...(loaded.adapters?.values() ?? [])].flatMap(({ down, up }) => [down.weight, up.weight]);
  const trainedLanguage = parameters
    .filter(({ name, part }) => part === "language" && name !== "model.embed_tokens.weight")
    .map(({ weight }) => weight);
  const language = named.filter(({ name, part }) => part === "language" && name !== "model.embed_tokens.weight");
  return {
    parameters: count([...named.map(({ tensor }) => tensor), ...adapters]),
    trainedParameters: count(parameters.map(({ weight }) => weight)),
    // Forward, back to the input, and to the weights that are trained: 2 operations a weight each.
    flopsPerToken: 4 * count(language.map(({ tensor }) => tensor)) + 2 * count(trainedLanguage),
  };
}
