/** The training run: for every step its micro-batches, their gradients, the check that they are sound, the update; now
 *  and then an evaluation and a checkpoint.
 *
 *  Whatever a step does is a function of the recipe, the data and the step's number (order, corruption, learning rate)
 *  and of the weights and moments before it. So a run that was killed goes on from its last checkpoint with the same
 *  losses. */
import { existsSync, mkdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setImmediate } from "node:timers/promises";
import { allowTf32, type distributed, memory, optim, Scope, saveSafetensors, type Tensor } from "@rediff/torch";
import { z } from "zod";
import { openCheckpoint } from "../../checkpoint/weights.js";
import { openLoader, type SampleLoader } from "../../data/loading/loader.js";
import { openRecords } from "../../data/records/record-list.js";
import type { TrainingSample } from "../../data/samples/sample.js";
import { describeSource } from "../../data/samples/sample-error.js";
import { drawGenerator } from "../../diffusion/random-draws.js";
import { UserError } from "../../errors.js";
import { hiddenPath } from "../../files/hidden-names.js";
import { sweepLeftovers, sync } from "../../files/whole-folder.js";
import { saying } from "../../files/write-errors.js";
import type { LayersDone } from "../../models/chain.js";
import { inTurns } from "../../models/layer-turns.js";
import { shownValue } from "../../options/issue-text.js";
import { abortSignal, flag, listener, object, optionSet } from "../../options/option-set.js";
import { agreed, type Ranks } from "../../ranks/ranks.js";
import { ignoredLabel } from "../../text/image-tokens.js";
import { type StepResult, type Terms, trainPieces } from "../backward/micro-batch.js";
import { namedTensors } from "../backward/parameters.js";
import { type DataFingerprint, fingerprintData } from "../checkpoint/data-fingerprint.js";
import { takingOver } from "../checkpoint/saved-state.js";
import { dropWeights, StateShards, shardName, weightsName, withRunState } from "../checkpoint/state-shards.js";
import { exportModel, type FileOptions, filesOf } from "../checkpoint/trained-model.js";
import {
  findCheckpoint,
  readState,
  removeOldCheckpoints,
  type TrainingState,
  writeCheckpoint,
  writeState,
} from "../checkpoint/training-checkpoint.js";
import { parameterGroups } from "../optimizer/parameter-groups.js";
import { batchOptions, sampleSettings } from "../recipe/data-settings.js";
import type { RecipeKeys } from "../recipe/recipe.js";
import { stepOptions } from "../recipe/step-options.js";
import type { Exchange } from "../sharding/exchange.js";
import { exchangeOf } from "../sharding/exchange-of.js";
import { anyPictures, type StepSums, stepTotals, summed } from "../sharding/step-totals.js";
import { type BatchPlan, microBatchWeights, planBatches, type StepPlace } from "./batch-plan.js";
import { settleDtype } from "./default-dtype.js";
import { checkpointToResume, finishedDataNote, finishedRun, sameDataNote } from "./earlier-run.js";
import { evaluateHeldOut, type HeldOut, openHeldOut } from "./held-out-loss.js";
import { lockOutput } from "./run-lock.js";
import type { StepReport, TrainObserver, TrainResult } from "./run-report.js";
import { observerTypes } from "./run-report.js";
import { deviceOf, type LoadedModel, loadForTraining, planModel, trainedModel } from "./starting-model.js";

/** What somebody outside may ask of a run while it goes on: looked at between steps. */
export interface RunRequests {
  /** Save a checkpoint and go on. */
  save: boolean;
  /** Save a checkpoint and end. */
  stop: boolean;
}

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
  const dtype = await agreed(ranks, () => settleDtype(asked, options.onNote).dtype);
  const recipe = { ...asked, dtype };
  assertSharding(recipe, ranks);
  const done = await agreed(ranks, () => finishedRun(recipe, processes));
  if (done !== undefined) {
    if (!isFirst) return done;
    const note = await finishedDataNote(recipe.output, options.acceptChangedData ?? false, signal);
    if (note !== undefined) options.onNote?.(note);
    return done;
  }
  using _ = isFirst ? await lockOutput(recipe.output, { onNote: options.onNote }) : undefined;
  const checkpoint = await agreed(ranks, async () => {
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
    ranks?.localRank,
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

interface RunParts {
  loaded: LoadedModel;
  loader: SampleLoader;
  data: DataFingerprint;
  heldOut: HeldOut | undefined;
  batchPlan: BatchPlan;
  options: TrainObserver & { ranks?: Ranks | undefined };
}

class Run implements Disposable {
  readonly #recipe: RecipeKeys;
  readonly #parts: RunParts;
  readonly #ranks: Ranks | undefined;
  /** What this process updates, and how the others get to know it. */
  readonly #exchange: Exchange;
  readonly #optimizer: optim.AdamW;
  readonly #ema: optim.Ema | undefined;
  #totals: Record<string, number> = { samples: 0, tokens: 0, seconds: 0 };
  /** Updates done. */
  step = 0;

  constructor(recipe: RecipeKeys, parts: RunParts) {
    this.#recipe = recipe;
    this.#parts = parts;
    const { ranks } = parts.options;
    this.#ranks = ranks;
    this.#exchange = exchangeOf(recipe, parts.loaded.trainable, ranks);
    const parameters = this.#exchange.own;
    const rate = recipe.learning_rate;
    this.#optimizer = new optim.AdamW(
      parameterGroups(parameters, {
        learningRates: {
          language: rate,
          projector: recipe.mm_projector_lr ?? rate,
          vision: recipe.mm_vision_tower_lr ?? rate,
        },
        weightDecay: recipe.weight_decay,
      }),
      { betas: recipe.betas, eps: recipe.eps, masterWeights: recipe.master_weights, offload: recipe.offload },
    );
    const { ema } = recipe;
    if (ema !== undefined)
      this.#ema = new optim.Ema(parameters, {
        decay: ema.decay,
        source: (parameter) => this.#optimizer.precise(parameter),
        ...(recipe.offload && { device: "cpu" as const }),
      });
  }

  restore(checkpoint: string, saved: TrainingState): void {
    withRunState(checkpoint, this.#exchange, (entries) => {
      takingOver(() => {
        this.#optimizer.importState(entries);
        this.#ema?.importState(entries);
      });
    });
    this.step = saved.step;
    this.#totals = { ...this.#totals, ...saved.totals };
  }

  async go(requests: RunRequests, signal: AbortSignal | undefined): Promise<TrainResult> {
    const { output, save, evaluate } = this.#recipe;
    const { totalSteps } = this.#parts.batchPlan;
    let loss: number | undefined;
    for await (const { batches, place, waitSeconds } of this.#steps(signal)) {
      const report = await this.#update(batches, place, waitSeconds, requests, signal);
      loss = report.loss;
      this.#parts.options.onStep?.(report);
      await setImmediate(); // signals and other threads get their turn
      signal?.throwIfAborted();
      const isLast = this.step === totalSteps;
      if (evaluate !== undefined && (isLast || this.step % evaluate.every === 0)) await this.#evaluate(signal);
      if (requests.stop || requests.save || (save.every > 0 && this.step % save.every === 0)) {
        requests.save = false;
        await this.#save();
      }
      if (requests.stop && !isLast)
        return { steps: this.step, totalSteps, loss, folder: `${output}/checkpoint-${this.step}`, finished: false };
    }
    await this.#export();
    if (this.#isFirst) await removeOldCheckpoints(output, save); // the one that this run began with, too
    return { steps: this.step, totalSteps, loss, folder: output, finished: true };
  }

  [Symbol.dispose](): void {
    this.#ema?.[Symbol.dispose]();
    this.#optimizer[Symbol.dispose]();
    this.#exchange[Symbol.dispose]();
  }

  /** This process' micro-batches of the remaining steps: of N processes, every Nth. */
  async *#steps(signal: AbortSignal | undefined) {
    const { loader, batchPlan } = this.#parts;
    const { rank, size } = this.#ranks ?? { rank: 0, size: 1 };
    let epoch = -1;
    let source: AsyncGenerator<TrainingSample[]> | undefined;
    try {
      for (let step = this.step; step < batchPlan.totalSteps; step++) {
        const place = batchPlan.place(step);
        if (place.epoch !== epoch) {
          await source?.return(undefined);
          epoch = place.epoch;
          const fromBatch = place.firstBatch + rank;
          source = loader.batches({ epoch, fromBatch, every: size, ...(signal && { signal }) });
        }
        const start = performance.now();
        const batches: TrainingSample[][] = [];
        for (let i = rank; i < place.batches; i += size) {
          const next = await source?.next();
          if (next?.done === false) batches.push(next.value);
        }
        yield { batches, place, waitSeconds: (performance.now() - start) / 1000 };
      }
    } finally {
      await source?.return(undefined);
    }
  }

  /** Gradients of the micro-batches, their check, one update. */
  async #update(
    batches: readonly TrainingSample[][],
    place: StepPlace,
    waitSeconds: number,
    requests: RunRequests,
    signal: AbortSignal | undefined,
  ): Promise<StepReport> {
    const start = performance.now();
    const { trainable } = this.#parts.loaded;
    const { rank, size } = this.#ranks ?? { rank: 0, size: 1 };
    const { own } = this.#exchange;
    const before = this.#ranks?.group.traffic;
    const weights = await this.#weightsOf(batches, place);
    const factor = this.#learningRateFactor();
    let sum: StepSums = { loss: 0, terms: {}, samples: 0, tokens: 0, rows: 0 };
    try {
      const scales = batches.map((_, nth) => weights[rank + nth * size] as number);
      await this.#eachResult(batches, scales, { start, signal }, (result, nth) => {
        const samples = batches[nth] as TrainingSample[];
        if (!Number.isFinite(result.loss)) throw this.#notFinite(`the loss is ${result.loss}`, samples, result);
        addTo(sum, result, scales[nth] as number, samples.length);
      });
      const together = await this.#talkOf(sum, requests, start, before);
      sum = together?.sum ?? sum;
      await this.#exchange.sumGradients();
      const { max_grad_norm: limit } = this.#recipe;
      const norm = await this.#exchange.norm(optim.gradientNorm(own));
      if (!Number.isFinite(norm)) throw this.#badGradients(batches.flat());
      if (limit > 0) optim.clipBy(own, norm, limit);
      this.#optimizer.step(factor);
      this.#ema?.update();
      await this.#exchange.spreadWeights();
      this.step++;
      const seconds = waitSeconds + (performance.now() - start) / 1000;
      this.#count(sum, seconds);
      const { tensors, bytes } = memory();
      return {
        step: this.step,
        epoch: place.epoch + (place.firstBatch + place.batches) / this.#parts.loader.epochBatches(place.epoch).batches,
        ...sum,
        learningRate: this.#recipe.learning_rate * factor,
        gradientNorm: norm,
        seconds,
        waitSeconds,
        tensors,
        tensorBytes: bytes,
        residentBytes: process.memoryUsage.rss(),
        ...(together && { processes: together.processes() }),
      };
    } finally {
      optim.dropGradients(trainable.parameters);
      optim.dropGradients(own);
    }
  }

  /** Adds the micro-batches' gradients, one after the other or, where the weights are divided, side by side. */
  async #eachResult(
    batches: readonly TrainingSample[][],
    scales: readonly number[],
    { start, signal }: { start: number; signal: AbortSignal | undefined },
    take: (result: StepResult, nth: number) => void,
  ): Promise<void> {
    const ranks = this.#ranks;
    const { rank, size } = ranks ?? { rank: 0, size: 1 };
    const { lockstep } = this.#exchange;
    const onLayers = ({ part, done, total }: LayersDone, nth: number) =>
      this.#parts.options.onLayers?.({
        ...{ part, done, total },
        ...{ step: this.step + 1, batch: nth + 1, batches: batches.length },
        seconds: (performance.now() - start) / 1000,
      });
    const draws: Disposable[] = [];
    const works = batches.map((samples, nth) => {
      const own = drawGenerator(this.#recipe.seed, this.step, rank + nth * size); // of the step, over all processes
      draws.push(own);
      const options = { ...stepOptions(this.#recipe), gradientScale: scales[nth] as number, draws: own };
      return trainPieces(this.#parts.loaded.trainable, samples, options);
    });
    try {
      if (lockstep !== undefined && ranks !== undefined) {
        const pictures = await anyPictures(ranks, batches);
        const results = await lockstep.run(works, { pictures, back: true, signal, onLayers });
        results.forEach(take);
      } else
        for (const [nth, pieces] of works.entries())
          take(await inTurns(pieces, { signal, onLayers: (layers) => onLayers(layers, nth) }), nth);
    } finally {
      for (const own of draws) own[Symbol.dispose]();
    }
  }

  /** What each micro-batch of the step weighs, those of the other processes included. */
  async #weightsOf(batches: readonly TrainingSample[][], place: StepPlace): Promise<number[]> {
    const { accumulation_weighting } = this.#recipe;
    const ranks = this.#ranks;
    const own = batches.map(sizeOf);
    if (ranks === undefined) return microBatchWeights(own, accumulation_weighting);
    const all = Array.from({ length: place.batches }, () => ({ samples: 0, labelled: 0 }));
    if (accumulation_weighting === "micro_batch") return microBatchWeights(all, accumulation_weighting);
    for (const [nth, size] of own.entries()) all[ranks.rank + nth * ranks.size] = size;
    const sizes = await summed(
      ranks,
      all.flatMap(({ samples, labelled }) => [samples, labelled]),
    );
    return microBatchWeights(
      all.map((_, i) => ({ samples: sizes[2 * i] ?? 0, labelled: sizes[2 * i + 1] ?? 0 })),
      accumulation_weighting,
    );
  }

  /** Sums of all processes, and what any of them was asked for; undefined where there is one. */
  async #talkOf(sum: StepSums, requests: RunRequests, start: number, before: distributed.Traffic | undefined) {
    const ranks = this.#ranks;
    if (ranks === undefined || before === undefined) return undefined;
    const { lockstep } = this.#exchange;
    const waited = ranks.group.traffic.waitedMs - before.waitedMs;
    const seconds = Math.max(0, performance.now() - start - waited) / 1000;
    const { stop, save, worked, ...totals } = await stepTotals(ranks, sum, { ...requests, seconds });
    Object.assign(requests, { stop, save });
    return {
      sum: totals,
      processes: () => {
        const { sentBytes, waitedMs } = ranks.group.traffic;
        const slowest = worked.indexOf(Math.max(...worked));
        return {
          count: ranks.size,
          sentBytes: sentBytes - before.sentBytes,
          waitedSeconds: (waitedMs - before.waitedMs) / 1000,
          slowest,
          slowestSeconds: worked[slowest] ?? 0,
          ...(lockstep && { peakTensorBytes: lockstep.takePeak() }),
        };
      },
    };
  }

  #learningRateFactor(): number {
    const { schedule, warmup_ratio } = this.#recipe;
    const { totalSteps } = this.#parts.batchPlan;
    return optim.learningRateFactor(this.step, {
      schedule,
      totalSteps,
      warmupSteps: optim.warmupSteps(warmup_ratio, totalSteps),
    });
  }

  #count({ samples, tokens }: { samples: number; tokens: number }, seconds: number): void {
    for (const [name, value] of Object.entries({ samples, tokens, seconds }))
      this.#totals[name] = (this.#totals[name] ?? 0) + value;
  }

  #notFinite(what: string, samples: readonly TrainingSample[], result?: StepResult): UserError {
    const guilty = samples.filter((_, i) => {
      const terms = Object.values(result?.samples[i] ?? {});
      return terms.some((term) => !Number.isFinite(term));
    });
    const named = (guilty.length > 0 ? guilty : samples).slice(0, 8).map(({ source }) => describeSource(source));
    const last = findCheckpoint(this.#recipe.output);
    return new UserError(
      `step ${this.step + 1}: ${what}; samples: ${named.join(", ")}${samples.length > 8 ? ", ..." : ""}`,
      `Nothing was updated by it. ${last === undefined ? "There is no checkpoint yet" : `The last good state is ${last}`}; ` +
        "try a lower learning_rate, or dtype float32, or leave the samples out.",
    );
  }

  #badGradients(samples: readonly TrainingSample[]): UserError {
    const names = optim.nonFiniteGradients(this.#exchange.own);
    const more = names.length > 3 ? ` and ${names.length - 3} more` : "";
    return this.#notFinite(`the gradients of ${names.slice(0, 3).join(", ")}${more} are not finite`, samples);
  }

  async #evaluate(signal: AbortSignal | undefined): Promise<void> {
    const { heldOut, loaded, options } = this.#parts;
    if (heldOut === undefined) return;
    const { lockstep } = this.#exchange;
    const how = { signal, ranks: this.#ranks, lockstep };
    const report = await evaluateHeldOut(heldOut, loaded.trainable, this.#recipe, how);
    options.onEvaluation?.({ step: this.step, ...report });
  }

  async #save(): Promise<void> {
    const { loaded, options } = this.#parts;
    const { output, save } = this.#recipe;
    if (this.#isFirst) {
      // Not a scope: writing is asynchronous. The moments are the optimizer's own, the step counts are made here.
      using counts = new Scope();
      let shards: StateShards | undefined;
      const trained = trainedModel(loaded, (name) => this.#preciseWeight(name, shards));
      const optimizer = this.#isDivided
        ? async (folder: string) => {
            shards = new StateShards(await this.#writeShards(folder));
          }
        : counts.run(() => this.#ownState());
      const tidy = this.#exchange.lockstep && dropWeights;
      const content = { state: this.#state(), trained, optimizer, lora: this.#adapters(), tidy };
      const folder = await writeCheckpoint(output, content, { keep: save.keep, spared: loaded.plan.folder }).finally(
        () => shards?.[Symbol.dispose](),
      );
      options.onCheckpoint?.(folder, this.step);
    } else if (this.#isDivided) await this.#writeShards();
    await this.#ranks?.group.barrier().wait();
  }

  /** Moments, masters and averages of what this process updates. */
  #ownState(): Map<string, Tensor> {
    return new Map([...this.#optimizer.exportState(), ...(this.#ema?.exportState() ?? [])]);
  }

  /** Every process' state into one folder, which rank 0 names. All of it is there afterwards; it is rank 0's to read, as the
   *  others do not hear when the folder is renamed.
   *  @returns the folder */
  async #writeShards(named = ""): Promise<string> {
    const ranks = this.#ranks as Ranks;
    const folder = await agreed(ranks, () => named);
    const file = join(folder, shardName(ranks.rank, ranks.size));
    await saying(file, async () => {
      using counts = new Scope();
      saveSafetensors(
        file,
        counts.run(() => this.#ownState()),
      );
      sync(file);
    });
    const weights = this.#exchange.weights?.();
    if (weights !== undefined) await this.#writeWeights(folder, weights);
    await ranks.group.barrier().wait();
    return folder;
  }

  /** What this process has of the weights, for rank 0 to read them all, tensor by tensor; where there are float32 copies of
   *  them, those are read. */
  async #writeWeights(folder: string, weights: readonly { name: string; weight: Tensor }[]): Promise<void> {
    const { rank, size } = this.#ranks as Ranks;
    const file = join(folder, weightsName(rank, size));
    const own = new Map(this.#exchange.own.map((parameter) => [parameter.name, parameter]));
    const wanted = weights.filter(({ name, weight }) => {
      const parameter = own.get(name);
      if (parameter !== undefined && this.#optimizer.precise(parameter) !== parameter.weight) return false;
      return !this.#recipe.save.adapter_only || name.startsWith("model.mm_projector.") || weight.numel === 0;
    });
    await saying(file, async () =>
      saveSafetensors(file, new Map(wanted.map(({ name, weight }) => [`weight/${name}`, weight]))),
    );
  }

  /** The trained model in the output folder itself, and the mark that the run is finished. */
  async #export(): Promise<void> {
    const { output } = this.#recipe;
    const beside = hiddenPath(resolve(output), join(resolve(output), "state"), "saving");
    if (this.#isDivided && this.#isFirst) mkdirSync(beside, { recursive: true });
    const written = this.#isDivided ? await this.#writeShards(beside) : undefined;
    using shards = this.#isFirst && written !== undefined ? new StateShards(written) : undefined;
    if (this.#isFirst) {
      const trained = trainedModel(this.#parts.loaded, (name) => this.#finalWeight(name, shards));
      // One step: a model whose run does not count as finished would be in the way of that run.
      await exportModel(output, trained, { ...filesOf(this.#recipe), lora: this.#adapters() }, (folder) =>
        writeState(folder, this.#state()),
      );
      if (this.#isDivided) await rm(beside, { recursive: true, force: true });
    }
    await this.#ranks?.group.barrier().wait();
  }

  get #isFirst(): boolean {
    return (this.#ranks?.rank ?? 0) === 0;
  }

  get #isDivided(): boolean {
    return this.#exchange.own !== this.#exchange.parameters;
  }

  #adapters(): FileOptions["lora"] {
    const { adapters, whole } = this.#parts.loaded;
    const { lora, model } = this.#recipe;
    // PEFT takes a path as relative to the directory that it runs in.
    const baseModel = existsSync(model) ? resolve(model) : model;
    return lora && adapters && { adapters, options: lora, baseModel, whole };
  }

  #state(): TrainingState {
    const { batchPlan, loader, data } = this.#parts;
    const processes = this.#ranks && { processes: this.#ranks.size };
    const isLast = this.step === batchPlan.totalSteps;
    const next = isLast ? undefined : batchPlan.place(this.step);
    const epoch = next?.epoch ?? Math.ceil(this.#recipe.epochs);
    const position = next === undefined ? 0 : (loader.epochBatches(epoch).starts[next.firstBatch] ?? 0);
    return { step: this.step, epoch, position, totals: this.#totals, recipe: this.#recipe, ...processes, data };
  }

  /** A trained weight in the precision in which it is updated. Of weights that are updated in pieces the model has the
   *  whole, but for float32 copies of 16-bit ones. */
  #preciseWeight(name: string, shards?: StateShards): Tensor | undefined {
    const parameter = this.#exchange.parameters.find((one) => one.name === name);
    if (this.#exchange.lockstep !== undefined) {
      const frozen = namedTensors(this.#parts.loaded.trainable.model).find((one) => one.name === name);
      const whole = parameter ?? (frozen && { name, weight: frozen.tensor });
      return whole && (shards?.whole("master", whole) ?? shards?.whole("weight", whole));
    }
    if (parameter === undefined) return undefined;
    if (this.#isDivided) return shards?.whole("master", parameter) ?? parameter.weight;
    return this.#optimizer.precise(parameter);
  }

  #finalWeight(name: string, shards?: StateShards): Tensor | undefined {
    const parameter = this.#exchange.parameters.find((one) => one.name === name);
    const average = this.#isDivided ? parameter && shards?.whole("ema", parameter) : this.#ema?.average(name);
    return average ?? this.#preciseWeight(name, shards);
  }
}

const sizeOf = (samples: readonly TrainingSample[]) => ({
  samples: samples.length,
  labelled: samples.reduce((sum, { labels }) => sum + labels.filter((label) => label !== ignoredLabel).length, 0),
});

function addTo(
  sum: { loss: number; terms: Terms; samples: number; tokens: number; rows: number },
  result: StepResult,
  weight: number,
  samples: number,
): void {
  sum.loss += weight * result.loss;
  sum.samples += samples;
  sum.tokens += result.tokens;
  sum.rows += result.rows;
  for (const [term, value] of Object.entries(result.terms) as [keyof Terms, number][])
    sum.terms[term] = (sum.terms[term] ?? 0) + weight * value;
}
