/** A model folder with another tower, from one with a tower. */

import { join } from "node:path";
import { saveCheckpoint } from "@rediff/torch";
import { loadModelFolder } from "../../checkpoint/load-model.js";
import { carryFiles, intoFolder, writeJson } from "../../checkpoint/model-folder.js";
import { modelSources } from "../../training/checkpoint/trained-model.js";
import type { TowerOptions } from "./tower-updates.js";
import { type NamedPatches, trainTower } from "./train-tower.js";
import { type SeenAlike, varyTower } from "./vary-tower.js";

/** Which way the tower learns, and for how long. */
export type TowerTraining =
  | ({ goal: "name patches" } & TowerOptions<NamedPatches>)
  | ({ goal: "see varied artwork" } & TowerOptions<SeenAlike>);

/** @param from model folder; it stays as it is
 *  @param to model folder to be made, when training is done */
export async function trainTowerOf(from: string, to: string, training: TowerTraining): Promise<void> {
  using model = await loadModelFolder(from, { dtype: "float32" });
  if (training.goal === "name patches") await trainTower(model, training);
  else {
    using before = await loadModelFolder(from, { dtype: "float32" });
    await varyTower(model, before, training);
  }
  const { raw: config } = model.config;
  await intoFolder(to, async (folder) => {
    saveCheckpoint(folder, modelSources({ model, config, carryFrom: from }));
    await carryFiles(from, folder);
    await writeJson(join(folder, "config.json"), config);
  });
}
