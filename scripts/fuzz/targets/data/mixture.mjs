// @ts-check
import { readMixture } from "../../../../packages/rediff/dist/data/records/mixture.js";
import { utf8 } from "../../bytes.mjs";
import { defineTarget } from "../../target.mjs";

export default defineTarget({
  covers: ["data/records/mixture.js"],
  file: "mixture.yaml",
  seeds: [
    "datasets:\n  - json_path: a.json\n    sampling_strategy: first:10%\n  - json_path: b.json\n",
    "datasets: [{json_path: 'a{1,2}.json', sampling_strategy: \"random:5\"}]",
    "x: &x {json_path: a}\ndatasets: [*x, *x]",
  ].map(utf8),
  dictionary: [
    "datasets:",
    "json_path:",
    "sampling_strategy:",
    "first:",
    "%",
    "&a",
    "*a",
    "- ",
    "? ",
    "!!binary ",
    "|\n",
    "{",
    "[",
    "\n",
    "<<: *x",
    "---\n",
  ],
  run: (_, { file }) => readMixture(file),
});
