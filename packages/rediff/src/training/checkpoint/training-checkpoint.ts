/** Checkpoints of a training run: `OUTPUT/checkpoint-STEP/`, each a model folder that `caption` reads, with what the run
 *  needs to go on:
 *
 *      config.json, model*.safetensors, tokenizer files     the model, low-rank adapters merged
 *      training.json                                        step, place in the data, recipe, versions
 *      optimizer.safetensors                                moments, master weights, moving averages; of a run with
 *                                                           sharding a file for each rank (state-shards.ts)
 *      adapter/                                             low-rank adapters by themselves, in PEFT's layout
 *      mm_projector.safetensors                             where the projector alone is trained
 *
 *  A folder of that name is always whole: it is written under another name, synced and renamed. Older checkpoints are
 *  removed only when the new one is there. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { SafetensorsFile, saveSafetensors, type Tensor, torchVersion } from "@rediff/torch";
import { z } from "zod";
import { writeJson } from "../../checkpoint/model-folder.js";
import { UserError } from "../../errors.js";
import { removeWholeFolder, writeWholeFolder } from "../../files/whole-folder.js";
import { saying, writeError } from "../../files/write-errors.js";
import { parseShallowJson } from "../../options/shallow-json.js";
import { parseRecipeKeys, type RecipeKeys } from "../recipe/recipe.js";
import { type DataFingerprint, dataFingerprintSchema } from "./data-fingerprint.js";
import { type FileOptions, filesOf, type TrainedModel, writeTrainedFiles } from "./trained-model.js";

export { ADAPTER_FOLDER, isProjectorRun } from "./trained-model.js";
export const STATE_FILE = "training.json";
export const OPTIMIZER_FILE = "optimizer.safetensors";

/** Where a run stands. */
export interface TrainingState {
  /** Updates done. */
  step: number;
  /** Passes through the data that are complete. */
  epoch: number;
  /** Samples of the current pass that the updates have used. */
  position: number;
  /** What is counted over the whole run: samples, tokens, seconds, skipped samples ... */
  totals: Record<string, number>;
  recipe: RecipeKeys;
  /** Processes that trained it; one where it is not said. */
  processes?: number | undefined;
  /** What it was trained on; checkpoints of earlier versions do not say. */
  data?: DataFingerprint | undefined;
}

export interface CheckpointContent {
  state: TrainingState;
  trained: TrainedModel;
  /** Of the optimizer and of the moving average, by name; or what writes it into the folder, before all else. */
  optimizer: ReadonlyMap<string, Tensor> | ((folder: string) => Promise<void>);
  /** Given when low-rank adapters are trained. */
  lora?: FileOptions["lora"];
  /** Removes what was there for writing the rest only. */
  tidy?: ((folder: string) => Promise<void>) | undefined;
}

export interface WriteOptions {
  /** Newest checkpoints that stay; 0 keeps all. */
  keep: number;
  /** A checkpoint that is in use: the run has its tokenizer from there, and threads that start later read it again. */
  spared?: string | undefined;
}

/** Writes `OUTPUT/checkpoint-STEP` and removes the oldest ones; returns its path.
 *  @throws UserError when the disk is full or may not be written; nothing is left behind, and nothing was removed */
export async function writeCheckpoint(
  output: string,
  content: CheckpointContent,
  options: WriteOptions,
): Promise<string> {
  const target = join(output, `checkpoint-${content.state.step}`);
  await saying(target, () => writeWholeFolder(target, (folder) => writeContent(folder, content)));
  await removeOldCheckpoints(output, options, target);
  return target;
}

async function writeContent(folder: string, content: CheckpointContent): Promise<void> {
  const { state, trained, optimizer, lora, tidy } = content;
  if (typeof optimizer === "function") await optimizer(folder);
  await writeTrainedFiles(folder, trained, { ...filesOf(state.recipe), lora });
  if (typeof optimizer !== "function") saveSafetensors(join(folder, OPTIMIZER_FILE), optimizer);
  await tidy?.(folder);
  await writeState(folder, state);
}

/** Says in a folder where the run stands; in the output folder itself, that it is finished. */
export async function writeState(folder: string, state: TrainingState): Promise<void> {
  const versions = { torch: torchVersion, node: process.versions.node };
  await writeJson(join(folder, STATE_FILE), { version: 1, ...state, versions });
}

/** The checkpoints of an output folder, oldest first. What has the name but no training.json is not ours. */
export function listCheckpoints(output: string): { step: number; folder: string }[] {
  if (!existsSync(output)) return [];
  return readdirSync(output)
    .flatMap((name) => {
      const step = /^checkpoint-(\d+)$/.exec(name)?.[1];
      const folder = join(output, name);
      return step !== undefined && existsSync(join(folder, STATE_FILE)) ? [{ step: Number(step), folder }] : [];
    })
    .sort((a, b) => a.step - b.step);
}

/** The newest checkpoint, or undefined when there is none. */
export function findCheckpoint(output: string): string | undefined {
  return listCheckpoints(output).at(-1)?.folder;
}

/** Leaves the newest `keep` checkpoints, the one just written being the newest whatever its number, and the spared one. */
export async function removeOldCheckpoints(
  output: string,
  { keep, spared }: WriteOptions,
  written?: string,
): Promise<void> {
  if (keep === 0) return;
  const older = listCheckpoints(output).filter(({ folder }) => folder !== written);
  const excess = Math.max(0, older.length - (written === undefined ? keep : keep - 1));
  const isSpared = (folder: string) => spared !== undefined && resolve(folder) === resolve(spared);
  for (const { folder } of older.slice(0, excess).filter(({ folder }) => !isSpared(folder)))
    await removeWholeFolder(folder).catch((cause: unknown) => {
      throw writeError(folder, cause, {
        done: "removed",
        hint: "The newest checkpoint is saved: mend that, then resume.",
      });
    });
}

const count = z.number().int().min(0);
const stateSchema = z.object({
  version: z.literal(1),
  step: count,
  epoch: count,
  position: count,
  totals: z.record(z.string(), z.number()),
  recipe: z.unknown(),
  processes: count.min(1).optional(),
  data: dataFingerprintSchema.optional(),
  versions: z.record(z.string(), z.string()),
});

/** @throws UserError when the folder is no checkpoint, or of a version that is not known here */
export function readState(checkpoint: string): TrainingState & { versions: Record<string, string> } {
  const file = join(checkpoint, STATE_FILE);
  let content: unknown;
  try {
    content = parseShallowJson(readFileSync(file, "utf8"));
  } catch (error) {
    throw new UserError(`${file} cannot be read: ${(error as Error).message}`, "Give the folder of a checkpoint.");
  }
  const result = stateSchema.safeParse(content);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new UserError(`${file}: ${issue?.path.join(".")}: ${issue?.message}`, "Was it made by another version?");
  }
  const { version: _, ...state } = result.data;
  const recipe = parseRecipeKeys(state.recipe, (path) => `${file}: recipe.${path.join(".")}`);
  return { ...state, recipe };
}

/** Calls `use` with the saved state of optimizer and moving average, mapped from the file: what is kept must be copied.
 *  Adam's and the average's `importState` do that. */
export function withOptimizerState<T>(checkpoint: string, use: (entries: ReadonlyMap<string, Tensor>) => T): T {
  using file = SafetensorsFile.open(join(checkpoint, OPTIMIZER_FILE));
  const entries = new Map(file.names().map((name) => [name, file.get(name)]));
  try {
    return use(entries);
  } finally {
    for (const tensor of entries.values()) tensor.dispose();
  }
}
