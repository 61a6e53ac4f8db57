/** What a run leaves on disk: checkpoints, and the trained model in the end. Where the state is divided, every process writes
 *  its piece and rank 0 all else. */
import { existsSync, mkdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type optim, Scope, saveSafetensors, type Tensor } from "@rediff/torch";
import { z } from "zod";
import { hiddenPath } from "../../files/hidden-names.js";
import { sync } from "../../files/whole-folder.js";
import { saying } from "../../files/write-errors.js";
import { agreed, type Ranks } from "../../ranks/ranks.js";
import { namedTensors } from "../backward/parameters.js";
import { dropWeights, StateShards, shardName, weightsName } from "../checkpoint/state-shards.js";
import { exportModel, type FileOptions, filesOf } from "../checkpoint/trained-model.js";
import { type TrainingState, writeCheckpoint, writeState } from "../checkpoint/training-checkpoint.js";
import type { RecipeKeys } from "../recipe/recipe.js";
import type { Exchange } from "../sharding/exchange.js";
import type { RunParts } from "./run-parts.js";
import { trainedModel } from "./starting-model.js";

/** How far a run is. */
export interface Progress {
  /** Updates done. */
  step: number;
  totals: Record<string, number>;
}

/** What is written. */
export interface Trained {
  exchange: Exchange;
  optimizer: optim.AdamW;
  ema: optim.Ema | undefined;
}

export class RunOutput {
  readonly #recipe: RecipeKeys;
  readonly #parts: RunParts;
  readonly #ranks: Ranks | undefined;
  readonly #exchange: Exchange;
  readonly #optimizer: optim.AdamW;
  readonly #ema: optim.Ema | undefined;

  constructor(recipe: RecipeKeys, parts: RunParts, { exchange, optimizer, ema }: Trained) {
    this.#recipe = recipe;
    this.#parts = parts;
    this.#ranks = parts.options.ranks;
    this.#exchange = exchange;
    this.#optimizer = optimizer;
    this.#ema = ema;
  }

  /** A checkpoint. To be called by all processes. */
  async save(now: Progress): Promise<void> {
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
      const content = { state: this.#state(now), trained, optimizer, lora: this.#adapters(), tidy };
      const folder = await writeCheckpoint(output, content, { keep: save.keep, spared: loaded.plan.folder }).finally(
        () => shards?.[Symbol.dispose](),
      );
      options.onCheckpoint?.(folder, now.step);
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
    const folder = await agreed(ranks, z.string(), () => named);
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
  async export(now: Progress): Promise<void> {
    const { output } = this.#recipe;
    const beside = hiddenPath(resolve(output), join(resolve(output), "state"), "saving");
    if (this.#isDivided && this.#isFirst) mkdirSync(beside, { recursive: true });
    const written = this.#isDivided ? await this.#writeShards(beside) : undefined;
    using shards = this.#isFirst && written !== undefined ? new StateShards(written) : undefined;
    if (this.#isFirst) {
      const trained = trainedModel(this.#parts.loaded, (name) => this.#finalWeight(name, shards));
      // One step: a model whose run does not count as finished would be in the way of that run.
      await exportModel(output, trained, { ...filesOf(this.#recipe), lora: this.#adapters() }, (folder) =>
        writeState(folder, this.#state(now)),
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

  #state({ step, totals }: Progress): TrainingState {
    const { batchPlan, loader, data } = this.#parts;
    const processes = this.#ranks && { processes: this.#ranks.size };
    const isLast = step === batchPlan.totalSteps;
    const next = isLast ? undefined : batchPlan.place(step);
    const epoch = next?.epoch ?? Math.ceil(this.#recipe.epochs);
    const position = next === undefined ? 0 : (loader.epochBatches(epoch).starts[next.firstBatch] ?? 0);
    return { step, epoch, position, totals, recipe: this.#recipe, ...processes, data };
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
