/** Saves checkpoint after checkpoint until it is killed: node save-child.mjs MODEL OUTPUT FIRST_STEP */
import { tensor } from "@rediff/torch";
import { loadModelFolder } from "../../checkpoint/load-model.js";
import { sweepLeftovers } from "../../files/whole-folder.js";
import { writeCheckpoint } from "../checkpoint/training-checkpoint.js";
import { parseRecipe } from "../recipe/recipe-file.js";

const [modelFolder = "", output = "", first = "1"] = process.argv.slice(2);
const recipe = parseRecipe(JSON.stringify({ model: modelFolder, output, data: "d.json" }), "recipe");
await sweepLeftovers(output);
const model = await loadModelFolder(modelFolder);
const trained = { model, config: model.config.raw, carryFrom: modelFolder };
process.stdout.write("ready\n");
for (let step = Number(first); ; step++) {
  const optimizer = new Map([["step/x", tensor(step, { dtype: "int64" })]]);
  const state = { step, epoch: 0, position: step, totals: {}, recipe };
  await writeCheckpoint(output, { state, trained, optimizer }, { keep: 2 });
  process.stdout.write(`${step}\n`);
}
