/** From a recipe to what the data loader is told. */

import type { BatchOptions } from "../../data/loading/epoch-batches.js";
import type { SampleSettings } from "../../data/samples/build-sample.js";
import { sampleRules } from "../../data/samples/sample-rules.js";
import { type ModelConfig, visionGeometry } from "../../models/llava/llava.js";
import type { RecipeKeys } from "./recipe.js";

/** How a record becomes a sample for this model. */
export function sampleSettings(recipe: RecipeKeys, config: ModelConfig): SampleSettings {
  const { multimodal } = config;
  return {
    template: recipe.template,
    maxLength: recipe.max_length,
    rules: sampleRules(recipe.compat),
    ...(recipe.canvas !== undefined && { canvas: recipe.canvas }),
    ...(recipe.revise_shorter && { shorterEnds: true }),
    addTimeInstruction: recipe.add_time_instruction,
    ...(multimodal && {
      media: {
        geometry: visionGeometry(multimodal),
        videoFps: recipe.video_fps,
        framesUpbound: recipe.frames_upbound,
        forceSample: recipe.force_sample,
        asStored: recipe.compat,
        ...(recipe.image_folder !== undefined && { imageFolder: recipe.image_folder }),
        ...(recipe.image_folder_2 !== undefined && { imageFolder2: recipe.image_folder_2 }),
        ...(recipe.video_folder !== undefined && { videoFolder: recipe.video_folder }),
      },
    }),
  };
}

/** In which order, and how many at a time. */
export function batchOptions(recipe: RecipeKeys, processes = 1): BatchOptions {
  return {
    order: recipe.group_by_modality_length ? "modality_length" : "shuffle",
    batchSize: recipe.token_budget === undefined ? recipe.batch_size : 0,
    chunks: recipe.gradient_accumulation_steps * processes,
    dropLast: recipe.drop_last,
    seed: recipe.seed,
    ...(recipe.token_budget !== undefined && { tokenBudget: recipe.token_budget }),
  };
}
