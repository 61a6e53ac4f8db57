/** From a recipe to what a step of training is told. */
import type { StepOptions } from "../backward/micro-batch.js";
import { trainingRules } from "../backward/training-rules.js";
import type { RecipeKeys } from "./recipe.js";

/** All but what changes from one micro-batch to the next. */
export function stepOptions(recipe: RecipeKeys): Omit<StepOptions, "draws" | "gradientScale"> {
  return {
    objective: recipe.objective,
    lossWeighting: recipe.loss_weighting,
    maskRange: recipe.mask_range,
    reviseRows: recipe.revise_rows,
    reviseMasked: recipe.revise_masked,
    rules: trainingRules(recipe.compat),
    checkpointing: recipe.checkpointing,
    maxLength: recipe.max_length,
    conversationMask: recipe.conversation_mask,
  };
}
