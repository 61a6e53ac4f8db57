/** `rediff train RECIPE --inspect N`: the first samples of a run as the model will see them. No weights are loaded. */
import { openLoader } from "../../data/loading/loader.js";
import { openRecords } from "../../data/records/record-list.js";
import { describeSkip } from "../../data/samples/sample-error.js";
import { drawGenerator } from "../../diffusion/random-draws.js";
import { loadTokenizer } from "../../text/tokenizer.js";
import { batchOptions, sampleSettings } from "../../training/recipe/data-settings.js";
import type { RecipeKeys } from "../../training/recipe/recipe.js";
import { stepOptions } from "../../training/recipe/step-options.js";
import { planBatches } from "../../training/run/batch-plan.js";
import { previewBatch } from "../../training/run/sample-preview.js";
import { planModel } from "../../training/run/starting-model.js";
import { needTorch } from "../options/load-engine.js";
import { answerLine, noteLine } from "./lines.js";

export async function showSamples(recipe: RecipeKeys, count: number): Promise<void> {
  await needTorch();
  const plan = await planModel(recipe);
  const settings = sampleSettings(recipe, plan.config);
  const tokenizer = await loadTokenizer(plan.folder);
  const records = await openRecords(recipe.data, { seed: recipe.seed });
  await using loader = await openLoader({
    records,
    settings,
    batching: batchOptions(recipe),
    tokenizerFolder: plan.folder,
    workers: 0,
    skipLimit: recipe.skip_limit,
    onNote: (note) => noteLine(`data: ${note}`),
    onSkip: (skip) => noteLine(`skipped ${describeSkip(skip)}`),
  });
  const run = planBatches(recipe, (epoch) => loader.epochBatches(epoch));
  let shown = 0;
  for (let step = 0; step < run.totalSteps && shown < count; step++) {
    const { epoch, firstBatch, batches } = run.place(step);
    let micro = 0;
    for await (const samples of loader.batches({ epoch, fromBatch: firstBatch })) {
      // The corruption that this micro-batch will have in training.
      using draws = drawGenerator(recipe.seed, step, micro);
      const texts = previewBatch(samples, {
        tokenizer,
        draws,
        ...(settings.media && { geometry: settings.media.geometry }),
        vocabSize: plan.config.llada.vocabSize,
        ...stepOptions(recipe),
      });
      for (const text of texts.slice(0, count - shown)) {
        answerLine(`${shown++ > 0 ? "\n" : ""}step ${step + 1}, micro-batch ${micro + 1}: ${text}`);
      }
      if (++micro >= batches || shown >= count) break;
    }
  }
}
