// @ts-check
import assert from "node:assert/strict";
import { json, textOf } from "../../bytes.mjs";
import { studioModule } from "../../studio-module.mjs";
import { defineTarget } from "../../target.mjs";

const { readComparison } = await studioModule("trace/file.ts");
assert.ok(readComparison !== undefined);

const start = { type: "start", gen_length: 4, block_length: 4, revise: true };
const file = {
  format: "rediff-comparison",
  version: 1,
  created: "2026-01-02T03:04:05.000Z",
  model: "m",
  prompt: "What is there?",
  settings: { tokens_per_step: 4 },
  picture: { name: "a.png", url: "data:image/png;base64,AAAA" },
  facts: { objects: [{ name: "dog", count: 1, position: "top left", size: "small" }], background: "blue" },
  runs: {},
};

/** A saved comparison that the page opens. */
export default defineTarget({
  covers: [],
  seeds: [json(file), json({ ...file, sides: undefined, runs: { plain: { start, steps: [], end: undefined } } })],
  dictionary: ['"steps":', '"changes":', '"start":', '"gen_length":', "[", "]", "null", "1e9", '"__proto__":', "-1"],
  // The page's own class, which is bundled with it.
  refusals: [Error],
  run(input) {
    try {
      readComparison(/** @type {never} */ (textOf(input)));
    } catch (error) {
      assert.ok(error instanceof Error && error.name === "Problem", String(error));
      throw error;
    }
  },
});
