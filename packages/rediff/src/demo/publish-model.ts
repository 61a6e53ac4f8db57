/** A trained model as it is committed: the weights in bfloat16, half the bytes, and no file that only training needs. */
import { join } from "node:path";
import { z } from "zod";
import { type Part, saveAverage } from "../checkpoint/average-weights.js";
import { loadConfig } from "../checkpoint/config.js";
import { carryFiles, writeJson } from "../checkpoint/model-folder.js";
import { sceneDefaults } from "../scenes/small-model/start-model.js";

const sceneConfig = z.looseObject({ rediff: z.looseObject({ world: z.literal("scenes") }) });

/** @param from model folder of a training run; of several the weights are averaged, which evens out what single stages of
 *   one run are good at (model soups, arXiv 2203.05482)
 *  @param to model folder to be written, with the config and tokenizer of the last one
 *  @throws UserError when they do not have the same tensors */
export async function publishModel(from: readonly [string, ...string[]], to: string): Promise<void> {
  const last = from.at(-1) as string;
  const { raw } = await loadConfig(last);
  const [first, ...others] = from.map((folder) => ({ folder, share: 1 / from.length }));
  saveAverage([first as Part, ...others], to, "bfloat16");
  await carryFiles(last, to);
  // What was found out since the training began is said of the model, too.
  const { data } = sceneConfig.safeParse(raw);
  const defaults = data === undefined ? {} : { rediff: { ...sceneDefaults(), ...data.rediff } };
  await writeJson(join(to, "config.json"), { ...raw, ...defaults, torch_dtype: "bfloat16" });
}
