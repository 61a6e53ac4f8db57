// @ts-check
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { ResultsFile } from "../../../../packages/rediff/dist/cli/output/results-file.js";
import { utf8 } from "../../bytes.mjs";
import { defineTarget } from "../../target.mjs";

const origin = { model: "m", checkpoint: "c", prompt: "p", options: /** @type {never} */ ({ steps: 2 }) };
/** @param {string} image */
const result = (image) => `${JSON.stringify({ image, text: "A cat.", steps: 2, ...origin })}\n`;

/** Results of an earlier run, with which a run goes on. */
export default defineTarget({
  covers: ["cli/output/results-file.js", "pipeline/drafts/result-origin.js", "files/line-log.js"],
  file: "captions.jsonl",
  seeds: [utf8(result("a.png") + result("b.png")), utf8(result("a.png") + result("b.png").slice(0, -9)), utf8("")],
  dictionary: ['{"image":', '"steps":', '"checkpoint":', '"options":', '"prompt":', "\n", "{}", "null", "1e400"],
  async run(input, { file }) {
    const results = await ResultsFile.open(file, origin);
    try {
      await results.append({ image: "new" });
    } finally {
      await results.close();
    }
    const lines = readFileSync(file, "utf8").split("\n").slice(0, -1);
    assert.equal(JSON.parse(lines.at(-1) ?? "").image, "new", `after ${input.length} bytes`);
  },
});
