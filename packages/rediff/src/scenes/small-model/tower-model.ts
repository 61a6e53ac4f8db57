/** A model folder with a trained tower, from one with an untrained tower. */

import { join } from "node:path";
import { saveCheckpoint } from "@rediff/torch";
import { loadModelFolder } from "../../checkpoint/load-model.js";
import { carryFiles, intoFolder, writeJson } from "../../checkpoint/model-folder.js";
import { modelSources } from "../../training/checkpoint/trained-model.js";
import { type TowerOptions, trainTower } from "./train-tower.js";

/** @param from model folder; it stays as it is
 *  @param to model folder to be made, when training is done */
export async function trainTowerOf(from: string, to: string, options: TowerOptions): Promise<void> {
  using model = await loadModelFolder(from, { dtype: "float32" });
  await trainTower(model, options);
  const { raw: config } = model.config;
  await intoFolder(to, async (folder) => {
    saveCheckpoint(folder, modelSources({ model, config, carryFrom: from }));
    await carryFiles(from, folder);
    await writeJson(join(folder, "config.json"), config);
  });
}
