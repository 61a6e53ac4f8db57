// @ts-check
import { readState } from "../../../../packages/rediff/dist/training/checkpoint/training-checkpoint.js";
import { json } from "../../bytes.mjs";
import { defineTarget } from "../../target.mjs";

const state = {
  version: 1,
  step: 3,
  epoch: 0,
  position: 12,
  totals: { seconds: 1.5 },
  recipe: { model: "m", data: ["a.json"], output: "o" },
  versions: { torch: "2", node: "20" },
};

export default defineTarget({
  covers: ["training/checkpoint/training-checkpoint.js", "training/recipe/recipe.js"],
  file: "training.json",
  seeds: [json(state), json({ ...state, recipe: { ...state.recipe, lora: { rank: 8 }, save: { every: 3 } } })],
  dictionary: ['"step":', '"recipe":', '"data":', '"totals":', "null", "1e400", "[", "]", "{", "}", '"lora":'],
  run: (_, { folder }) => readState(folder),
});
