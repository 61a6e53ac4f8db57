/** A trained model as it is committed: the weights in bfloat16, half the bytes, and no file that only training needs. */
import { join } from "node:path";
import { openCheckpoint, saveCheckpoint, scope, type Tensor } from "@rediff/torch";
import { z } from "zod";
import { loadConfig } from "../checkpoint/config.js";
import { carryFiles, writeJson } from "../checkpoint/model-folder.js";
import { sceneDefaults } from "../scenes/small-model/start-model.js";

const sceneConfig = z.looseObject({ rediff: z.looseObject({ world: z.literal("scenes") }) });

/** @param from model folder of a training run; of several the weights are averaged, which evens out what single stages of
 *   one run are good at (model soups, arXiv 2203.05482)
 *  @param to model folder to be written, with the config and tokenizer of the last one
 *  @throws Error when they do not have the same tensors */
export async function publishModel(from: readonly [string, ...string[]], to: string): Promise<void> {
  const last = from.at(-1) as string;
  const { raw } = await loadConfig(last);
  const checkpoints = from.map((folder) => openCheckpoint(folder));
  try {
    const names = [...(checkpoints[0]?.names() ?? [])];
    for (const [i, checkpoint] of checkpoints.entries())
      if ([...checkpoint.names()].sort().join() !== [...names].sort().join())
        throw new Error(`${from[i]} has other tensors than ${from[0]}`);
    const mean = (name: string): Tensor =>
      checkpoints
        .map((checkpoint) => checkpoint.get(name).to({ dtype: "float32" }))
        .reduce((sum, tensor) => sum.add(tensor))
        .mul(1 / checkpoints.length);
    saveCheckpoint(
      to,
      names.map((name) => ({
        name,
        dtype: "bfloat16" as const,
        shape: (checkpoints[0] as (typeof checkpoints)[number]).info(name).shape,
        tensor: () => scope(() => mean(name).to({ dtype: "bfloat16" })),
      })),
    );
  } finally {
    for (const checkpoint of checkpoints) checkpoint[Symbol.dispose]();
  }
  await carryFiles(last, to);
  // What was found out since the training began is said of the model, too.
  const { data } = sceneConfig.safeParse(raw);
  const defaults = data === undefined ? {} : { rediff: { ...sceneDefaults(), ...data.rediff } };
  await writeJson(join(to, "config.json"), { ...raw, ...defaults, torch_dtype: "bfloat16" });
}
