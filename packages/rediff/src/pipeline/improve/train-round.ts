/** A round's training: a recipe of `rediff train`, of which the loop sets model, data, output and seed. */
import { openRecords } from "../../data/records/record-list.js";
import { UserError } from "../../errors.js";
import { removeWholeFolder } from "../../files/whole-folder.js";
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
export async function roundRecipe(recipe: ImproveKeys, round: number, corrections: number): Promise<RecipeKeys> {
  const { extra, earlier_rounds, start_from } = recipe.train;
  const rounds = earlier_rounds ? Array.from({ length: round }, (_, i) => i + 1) : [round];
  const base = trainingRecipe(recipe);
  return trainingRecipe(recipe, {
    model: start_from === "first" ? recipe.model : modelAfter(recipe, round - 1),
    output: roundFiles(recipe.output, round).model,
    data: [
      ...rounds.map((number) => roundFiles(recipe.output, number).training),
      ...(extra === undefined
        ? []
        : [{ json_path: extra.data, sampling_strategy: `random:${extraOf(recipe, corrections)}` }]),
    ],
    seed: base.seed + round - 1, // other corruption, other extra samples
  });
}

/** Samples beside the corrections, so that they are the share that was asked for. */
export function extraOf({ train: { extra } }: ImproveKeys, corrections: number): number {
  return extra === undefined ? 0 : Math.max(1, Math.round((corrections * extra.share) / (1 - extra.share)));
}

export interface TrainRoundOptions {
  /** Of this round and, where they are learnt again, of earlier ones. */
  corrections: number;
  observer?: (recipe: RecipeKeys) => TrainObserver & { close(): void };
  onNote?: ((line: string) => void) | undefined;
  /** Saves a checkpoint after the step under way and ends. */
  signal?: AbortSignal | undefined;
}

/** Trains, from the newest checkpoint where there is one. @throws the signal's reason when it was ended */
export async function trainRound(
  recipe: ImproveKeys,
  round: number,
  { corrections, observer, onNote, signal }: TrainRoundOptions,
): Promise<TrainingReport> {
  const keys = await roundRecipe(recipe, round, corrections);
  const extra = await countExtra(recipe, corrections, onNote);
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
    const seconds = Math.round(performance.now() - started) / 1000;
    return { steps, corrections, extra, loss, seconds, model: keys.output };
  } finally {
    listener?.close();
    signal?.removeEventListener("abort", stop);
  }
}

async function countExtra(
  recipe: ImproveKeys,
  corrections: number,
  onNote: TrainRoundOptions["onNote"],
): Promise<number> {
  const { extra } = recipe.train;
  if (extra === undefined) return 0;
  const wanted = extraOf(recipe, corrections);
  const { count } = await openRecords(extra.data);
  if (count < wanted) onNote?.(`${extra.data} has ${count} samples, and a share of ${extra.share} are ${wanted}`);
  return Math.min(count, wanted);
}
