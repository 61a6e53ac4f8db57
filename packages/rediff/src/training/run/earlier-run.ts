/** What an output folder has of earlier runs, and whether this one may go on with it. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../errors.js";
import { contentChanges, type DataFingerprint, dataChanges } from "../checkpoint/data-fingerprint.js";
import { findCheckpoint, readState, STATE_FILE, type TrainingState } from "../checkpoint/training-checkpoint.js";
import { type RecipeKeys, recipeChanges } from "../recipe/recipe.js";
import type { TrainResult } from "./run-report.js";

/** A run of this recipe that came to its end: there is nothing to do.
 *  @param processes that train together: what a step's batch is depends on their number
 *  @throws UserError when the output folder has another model, which must not be lost */
export function finishedRun(recipe: RecipeKeys, processes: number): TrainResult | undefined {
  const { output } = recipe;
  // config.json comes last: without it an export was cut off, and is done again.
  if (!existsSync(join(output, "config.json"))) return undefined;
  if (!existsSync(join(output, STATE_FILE))) {
    throw new UserError(`${output} holds a model that this run did not make`, "Name another output.");
  }
  const saved = readState(output);
  const { step } = saved;
  const changes = changesOf(saved, recipe, processes);
  if (changes.length > 0)
    throw new UserError(
      `${output} holds the model of another recipe (${changes.join("; ")})`,
      "Name another output, or use the same values.",
    );
  return { steps: step, totalSteps: step, loss: undefined, folder: output, finished: true };
}

/** A finished run over what is other data now is not the run that was asked for.
 *  @returns a line for the user, where that is accepted
 *  @throws UserError where it is not */
export async function finishedDataNote(
  output: string,
  isAccepted: boolean,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const changes = await contentChanges(readState(output).data ?? [], signal);
  if (changes.length === 0) return undefined;
  const what = `the data has changed since ${output} was trained (${listed(changes)})`;
  if (isAccepted) return `${what}; it stays as it is`;
  throw new UserError(what, "Name another output to train on what is there now.");
}

const listed = (changes: readonly string[]): string =>
  changes.slice(0, 3).join("; ") + (changes.length > 3 ? `; and ${changes.length - 3} more changes` : "");

/** @throws UserError when the output folder has a run that cannot be gone on with */
export function checkpointToResume(
  recipe: RecipeKeys,
  resume: "auto" | "never",
  processes: number,
): string | undefined {
  const checkpoint = findCheckpoint(recipe.output);
  if (checkpoint === undefined) return undefined;
  if (resume === "never")
    throw new UserError(
      `${recipe.output} has checkpoints of an earlier run`,
      "Name another output, remove them, or go on from the newest with --resume auto.",
    );
  const changes = changesOf(readState(checkpoint), recipe, processes);
  if (changes.length > 0)
    throw new UserError(
      `${checkpoint} was made with another recipe (${changes.join("; ")})`,
      "Resume with the same values, or name another output.",
    );
  return checkpoint;
}

/** What differs; of accumulation and processes only their product counts. */
function changesOf(saved: TrainingState, recipe: RecipeKeys, processes: number): string[] {
  const { processes: before = 1 } = saved;
  if (before === processes) return recipeChanges(saved.recipe, recipe);
  const key = "gradient_accumulation_steps";
  const [was, is] = [saved.recipe[key] * before, recipe[key] * processes];
  const others = recipeChanges(saved.recipe, { ...recipe, [key]: saved.recipe[key] });
  if (was === is) return others;
  const fits = Number.isInteger(was / processes) ? ` (${was / processes} would be the same batch)` : "";
  return [
    ...others,
    `${key} of all processes: was ${saved.recipe[key]} x ${before}, is ${recipe[key]} x ${processes}${fits}`,
  ];
}

/** A line for the user, where there is something to be said about going on over this data.
 *  @param saved undefined in checkpoints that do not say what their data was
 *  @throws UserError when the data is another, unless that is accepted */
export function sameDataNote(
  checkpoint: string,
  saved: DataFingerprint | undefined,
  current: DataFingerprint,
  isAccepted: boolean,
): string | undefined {
  if (saved === undefined)
    return `${checkpoint} does not say which data it was made with; this run trusts that it is the same`;
  const changes = dataChanges(saved, current);
  if (changes.length === 0) return undefined;
  const what = `the data has changed since ${checkpoint} (${listed(changes)})`;
  if (isAccepted) return `${what}; going on over what is there now`;
  throw new UserError(
    what,
    "Give the data as it was, or name another output; --accept-changed-data (acceptChangedData) goes on over what is there now.",
  );
}
