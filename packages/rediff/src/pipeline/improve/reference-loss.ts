/** The training's loss on references that are not trained on, with the same corruption for every model. */
import { openRecords, type Records } from "../../data/records/record-list.js";
import { UserError } from "../../errors.js";
import type { Terms } from "../../training/backward/micro-batch.js";
import { evaluateHeldOut, heldOutRecords } from "../../training/run/held-out-loss.js";
import { loadForTraining, planModel } from "../../training/run/starting-model.js";
import type { ImproveKeys } from "./improve-recipe.js";
import { trainingRecipe } from "./train-round.js";

export async function referenceLoss(
  recipe: ImproveKeys,
  model: string,
  signal?: AbortSignal,
): Promise<{ loss: number; terms: Terms; samples: number }> {
  const held = recipe.evaluate;
  if (held === undefined) throw new Error("referenceLoss: the recipe has no evaluate");
  const base = trainingRecipe(recipe, { model });
  const keys = { ...base, image_folder: held.image_folder, image_folder_2: held.image_folder_2 };
  const plan = await planModel(keys);
  const records = slice(await openRecords(held.data, { seed: keys.seed }), held);
  await using heldOut = await heldOutRecords(records, undefined, keys, plan, signal);
  await using loaded = await loadForTraining(keys, plan);
  const { loss, terms, samples } = await evaluateHeldOut(heldOut, loaded.trainable, keys);
  return { loss, terms, samples };
}

/** @throws UserError when there are fewer */
export function slice(records: Records, { first, count }: { first: number; count?: number | undefined }): Records {
  const wanted = count ?? records.count - first;
  if (wanted < 1 || first + wanted > records.count)
    throw new UserError(
      `evaluate: ${wanted} records from ${first} on were asked for, and the data has ${records.count}`,
      "Lower evaluate.first or evaluate.count.",
    );
  return { ...records, count: wanted, place: (record) => records.place(first + record) };
}
