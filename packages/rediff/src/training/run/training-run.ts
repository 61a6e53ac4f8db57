/** The steps of a run: for every one its micro-batches, their gradients, the check that they are sound, the update; now and
 *  then an evaluation and a checkpoint. */
import { setImmediate } from "node:timers/promises";
import { type distributed, memory, optim } from "@rediff/torch";
import type { TrainingSample } from "../../data/samples/sample.js";
import { drawGenerator } from "../../diffusion/random-draws.js";
import type { LayersDone } from "../../models/chain.js";
import { inTurns } from "../../models/layer-turns.js";
import type { Ranks } from "../../ranks/ranks.js";
import { ignoredLabel } from "../../text/image-tokens.js";
import { type StepResult, type Terms, trainPieces } from "../backward/micro-batch.js";
import { takingOver } from "../checkpoint/saved-state.js";
import { withRunState } from "../checkpoint/state-shards.js";
import { removeOldCheckpoints, type TrainingState } from "../checkpoint/training-checkpoint.js";
import { parameterGroups } from "../optimizer/parameter-groups.js";
import type { RecipeKeys } from "../recipe/recipe.js";
import { stepOptions } from "../recipe/step-options.js";
import type { Exchange } from "../sharding/exchange.js";
import { exchangeOf } from "../sharding/exchange-of.js";
import { anyPictures, type StepSums, stepTotals, summed } from "../sharding/step-totals.js";
import { microBatchWeights, type StepPlace } from "./batch-plan.js";
import { evaluateHeldOut } from "./held-out-loss.js";
import { type Progress, RunOutput } from "./run-output.js";
import type { RunParts, RunRequests } from "./run-parts.js";
import type { StepReport, TrainResult } from "./run-report.js";
import { badGradients, type FaultyStep, notFinite } from "./step-faults.js";

export class Run implements Disposable {
  readonly #recipe: RecipeKeys;
  readonly #parts: RunParts;
  readonly #ranks: Ranks | undefined;
  /** What this process updates, and how the others get to know it. */
  readonly #exchange: Exchange;
  readonly #optimizer: optim.AdamW;
  readonly #ema: optim.Ema | undefined;
  readonly #output: RunOutput;
  #totals: Record<string, number> = { samples: 0, tokens: 0, seconds: 0 };
  /** Updates done. */
  step = 0;

  constructor(recipe: RecipeKeys, parts: RunParts) {
    this.#recipe = recipe;
    this.#parts = parts;
    const { ranks } = parts.options;
    this.#ranks = ranks;
    this.#exchange = exchangeOf(recipe, parts.loaded.trainable, ranks, parts.loaded.late);
    parts.loaded.late?.[Symbol.dispose]();
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
    const [exchange, optimizer] = [this.#exchange, this.#optimizer];
    this.#output = new RunOutput(recipe, parts, { exchange, optimizer, ema: this.#ema });
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
        await this.#output.save(this.#now);
      }
      if (requests.stop && !isLast)
        return { steps: this.step, totalSteps, loss, folder: `${output}/checkpoint-${this.step}`, finished: false };
    }
    await this.#output.export(this.#now);
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
        if (!Number.isFinite(result.loss)) throw notFinite(`the loss is ${result.loss}`, this.#faulty(samples), result);
        addTo(sum, result, scales[nth] as number, samples.length);
      });
      const together = await this.#talkOf(sum, requests, start, before);
      sum = together?.sum ?? sum;
      await this.#exchange.sumGradients();
      const { max_grad_norm: limit } = this.#recipe;
      const norm = await this.#exchange.norm(optim.gradientNorm(own));
      if (!Number.isFinite(norm)) throw badGradients(own, this.#faulty(batches.flat()));
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

  async #evaluate(signal: AbortSignal | undefined): Promise<void> {
    const { heldOut, loaded, options } = this.#parts;
    if (heldOut === undefined) return;
    const { lockstep } = this.#exchange;
    const how = { signal, ranks: this.#ranks, lockstep };
    const report = await evaluateHeldOut(heldOut, loaded.trainable, this.#recipe, how);
    options.onEvaluation?.({ step: this.step, ...report });
  }

  #faulty(samples: readonly TrainingSample[]): FaultyStep {
    return { step: this.step + 1, samples, output: this.#recipe.output };
  }

  get #now(): Progress {
    return { step: this.step, totals: this.#totals };
  }

  get #isFirst(): boolean {
    return (this.#ranks?.rank ?? 0) === 0;
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
