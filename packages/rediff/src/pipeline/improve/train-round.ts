/** A round's training: a recipe of `rediff train`, of which the loop sets model, data, output and seed. */
import { existsSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { saveAverage } from "../../checkpoint/average-weights.js";
import { carryFiles } from "../../checkpoint/model-folder.js";
import { openRecords } from "../../data/records/record-list.js";
import { UserError } from "../../errors.js";
import { removeWholeFolder, writeWholeFolder } from "../../files/whole-folder.js";
import { resolveModel } from "../../hub/resolve-model.js";
import { listCheckpoints } from "../../training/checkpoint/training-checkpoint.js";
import type { Override } from "../../training/recipe/overrides.js";
import type { RecipeKeys } from "../../training/recipe/recipe.js";
import { parseRecipe, readRecipeText } from "../../training/recipe/recipe-file.js";
import type { RunRequests } from "../../training/run/run-parts.js";
import type { TrainObserver } from "../../training/run/run-report.js";
import { train } from "../../training/run/trainer.js";
import type { ImproveKeys } from "./improve-recipe.js";
import { modelAfter, roundFiles } from "./loop-folders.js";

export interface TrainingReport {
  /** Updates. */
  steps: number;
  /** Corrections of this round, and of earlier ones. */
  corrections: number;
  /** Drafts of this round that were right. */
  right?: number;
  /** Samples that are no corrections. */
  extra: number;
  /** Of the last update; null when the round was found trained. */
  loss: number | null;
  seconds: number;
  model: string;
}

/** The training recipe as it is in the file, with `train.set`: what all rounds have in common.
 *  @throws UserError when it is wrong, or trains something else than corrections */
export function trainingRecipe(recipe: ImproveKeys, changes: Record<string, unknown> = {}): RecipeKeys {
  const file = recipe.train.recipe;
  const own = { model: recipe.model, output: recipe.output, data: "train.jsonl" };
  const values = { ...recipe.train.set, ...own, ...changes };
  for (const key of Object.keys(own))
    if (Object.hasOwn(recipe.train.set, key))
      throw new UserError(`train.set.${key}: the loop sets it`, "Leave it out.");
  const overrides = Object.entries(values).map(([key, value]): Override => ({ path: key.split("."), value }));
  const keys = parse(file, overrides);
  if (keys.objective !== "rediff")
    throw new UserError(
      `${file}: objective is ${keys.objective}, which does not learn from corrections`,
      "Use a recipe with objective: rediff, as recipes/rediff/stage2.yaml.",
    );
  if (!keys.save.adapter_only) return keys;
  throw new UserError(`${file}: save.adapter_only leaves no model to draft with`, "Leave it out.");
}

function parse(file: string, overrides: readonly Override[]): RecipeKeys {
  try {
    return parseRecipe(readRecipeText(file), file, overrides);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    // Overrides come from the loop's recipe, not from a command line.
    throw new UserError(error.message.replaceAll("command line: ", "train.set."), error.hint);
  }
}

/** What a round is trained with. */
export async function roundRecipe(
  recipe: ImproveKeys,
  round: number,
  { corrections, right = 0 }: { corrections: number; right?: number },
): Promise<RecipeKeys> {
  const { average, extra, earlier_rounds } = recipe.train;
  const files = roundFiles(recipe.output, round);
  const rounds = earlier_rounds ? Array.from({ length: round }, (_, i) => i + 1) : [round];
  const base = trainingRecipe(recipe);
  return trainingRecipe(recipe, {
    model: startOf(recipe, round),
    output: average > 0 ? files.trained : files.model,
    data: [
      ...rounds.map((number) => roundFiles(recipe.output, number).training),
      ...(right > 0 ? [files.right] : []),
      ...(extra === undefined
        ? []
        : [{ json_path: extra.data, sampling_strategy: `random:${extraOf(recipe, corrections + right)}` }]),
    ],
    seed: base.seed + round - 1, // other corruption, other extra samples
  });
}

/** The model that a round's training begins with. */
const startOf = (recipe: ImproveKeys, round: number): string =>
  recipe.train.start_from === "first" ? recipe.model : modelAfter(recipe, round - 1);

/** Samples beside `own`, those of the loop itself, so that they are the share that was asked for. */
export function extraOf({ train: { extra } }: ImproveKeys, own: number): number {
  return extra === undefined ? 0 : Math.max(1, Math.round((own * extra.share) / (1 - extra.share)));
}

export interface TrainRoundOptions {
  /** Of this round and, where they are learnt again, of earlier ones. */
  corrections: number;
  /** Drafts that are learnt as they are. */
  right?: number;
  observer?: (recipe: RecipeKeys) => TrainObserver & { close(): void };
  onNote?: ((line: string) => void) | undefined;
  /** Saves a checkpoint after the step under way and ends. */
  signal?: AbortSignal | undefined;
}

/** Trains, from the newest checkpoint where there is one. @throws the signal's reason when it was ended */
export async function trainRound(
  recipe: ImproveKeys,
  round: number,
  { corrections, right = 0, observer, onNote, signal }: TrainRoundOptions,
): Promise<TrainingReport> {
  const keys = await roundRecipe(recipe, round, { corrections, right });
  const extra = await countExtra(recipe, corrections + right, onNote);
  const requests: RunRequests = { save: false, stop: false };
  const stop = () => {
    requests.stop = true;
  };
  signal?.throwIfAborted();
  signal?.addEventListener("abort", stop);
  const listener = observer?.(keys);
  const started = performance.now();
  try {
    const { finished, steps, loss = null } = await train(keys, { ...listener, resume: "auto", requests });
    if (!finished) throw signal?.reason;
    if (!recipe.train.keep_checkpoints)
      for (const { folder } of listCheckpoints(keys.output)) await removeWholeFolder(folder);
    const { model } = roundFiles(recipe.output, round);
    if (keys.output !== model) await averageInto(model, recipe, round);
    const seconds = Math.round(performance.now() - started) / 1000;
    return { steps, corrections, ...(right > 0 && { right }), extra, loss, seconds, model };
  } finally {
    listener?.close();
    signal?.removeEventListener("abort", stop);
  }
}

/** The mean of what training made and of the model that it began with, in place of the former. */
async function averageInto(model: string, recipe: ImproveKeys, round: number): Promise<void> {
  const { trained } = roundFiles(recipe.output, round);
  const before = await resolveModel(startOf(recipe, round));
  const { average } = recipe.train;
  await writeWholeFolder(model, async (folder) => {
    saveAverage(
      [
        { folder: before, share: average },
        { folder: trained, share: 1 - average },
      ],
      folder,
    );
    await carryFiles(trained, folder);
    for (const name of ["config.json", "metrics.jsonl"])
      if (existsSync(join(trained, name))) await copyFile(join(trained, name), join(folder, name));
  });
  if (!recipe.train.keep_checkpoints) await removeWholeFolder(trained);
}

async function countExtra(recipe: ImproveKeys, own: number, onNote: TrainRoundOptions["onNote"]): Promise<number> {
  const { extra } = recipe.train;
  if (extra === undefined) return 0;
  const wanted = extraOf(recipe, own);
  const { count } = await openRecords(extra.data);
  if (count < wanted) onNote?.(`${extra.data} has ${count} samples, and a share of ${extra.share} are ${wanted}`);
  return Math.min(count, wanted);
}
