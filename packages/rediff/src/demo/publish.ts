/** A trained model as it is committed: the weights in bfloat16, half the bytes, and no file that only training needs. */
import { join } from "node:path";
import { openCheckpoint, saveCheckpoint, scope } from "@rediff/torch";
import { loadConfig } from "../models/config.js";
import { carryFiles, writeJson } from "../models/convert-output.js";

/** @param from model folder of a training run
 *  @param to model folder to be written */
export async function publishModel(from: string, to: string): Promise<void> {
  const { raw } = await loadConfig(from);
  using checkpoint = openCheckpoint(from);
  saveCheckpoint(
    to,
    [...checkpoint.names()].map((name) => ({
      name,
      dtype: "bfloat16" as const,
      shape: checkpoint.info(name).shape,
      tensor: () => scope(() => checkpoint.get(name).to({ dtype: "bfloat16" })),
    })),
  );
  await carryFiles(from, to);
  await writeJson(join(to, "config.json"), { ...raw, torch_dtype: "bfloat16" });
}
