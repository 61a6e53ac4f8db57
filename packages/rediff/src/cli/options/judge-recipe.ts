/** What a recipe names is looked at before libtorch is fetched for it: the model's config, and whether the data is there. */
import { findFiles } from "../../data/records/record-list.js";
import type { RecipeKeys } from "../../training/recipe/recipe.js";
import { checkpointToResume, finishedRun } from "../../training/run/earlier-run.js";
import { planModel } from "../../training/run/starting-model.js";
import { assertOutput } from "./outputs.js";

export interface JudgeOptions {
  resume?: "auto" | "never";
  /** Nothing will be written. */
  isInspection?: boolean;
  /** That train together. Default 1. */
  processes?: number;
}

/** @throws UserError */
export async function judgeRecipe(recipe: RecipeKeys, options: JudgeOptions = {}): Promise<void> {
  const { resume = "auto", processes = 1 } = options;
  if (finishedRun(recipe, processes) !== undefined) return; // the data may be gone
  if (!options.isInspection) await assertOutput(recipe.output, "folder");
  await planModel(recipe, checkpointToResume(recipe, resume, processes));
  await findFiles([...recipe.data, ...(recipe.evaluate?.data ?? [])]);
}
