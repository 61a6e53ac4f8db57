// @ts-check
import { parseOverride } from "../../../../packages/rediff/dist/training/recipe/overrides.js";
import { parseRecipe } from "../../../../packages/rediff/dist/training/recipe/recipe-file.js";
import { textOf, utf8 } from "../../bytes.mjs";
import { defineTarget } from "../../target.mjs";

export default defineTarget({
  covers: ["training/recipe/recipe-file.js", "training/recipe/overrides.js", "training/recipe/recipe-errors.js"],
  seeds: [
    "model: m\ndata: a.json\noutput: out\nlearning_rate: 1e-5\nmax_steps: 3\n",
    "model: &m x\ndata: [a.json, b.json]\noutput: *m\nlora: {rank: 8}\nsave:\n  every: 5\n",
    "data: a\n# comment\nbetas: [0.9, 0.95]\n",
    "learning_rate=1e-5",
    "lora={rank: 8}",
  ].map(utf8),
  dictionary: [
    "model:",
    "data:",
    "output:",
    "lora:",
    "save:",
    "&a",
    "*a",
    "<<:",
    "!!set",
    "? ",
    "- ",
    "{",
    "[",
    "}",
    "]",
    "|\n",
    ">\n",
    "%YAML 1.2\n",
    "---\n",
    "null",
    ".inf",
    "=",
    "\t",
    "a: &a [*a,*a]",
  ],
  run(input) {
    const text = textOf(input);
    if (/^[\w.]+=/.test(text))
      return parseRecipe("model: m\ndata: a\noutput: o\n", "recipe.yaml", [parseOverride(text)]);
    return parseRecipe(text, "recipe.yaml");
  },
});
