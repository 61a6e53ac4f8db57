// @ts-check
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { alignText } from "../../../../packages/rediff/dist/text/alignment/aligned-text.js";
import { alignedEdits, applyEdits } from "../../../../packages/rediff/dist/text/text-edits.js";
import { loadTokenizer } from "../../../../packages/rediff/dist/text/tokenizer.js";
import { textOf, utf8 } from "../../bytes.mjs";
import { defineTarget } from "../../target.mjs";

/** @param {string} path below the project's folder */
const folder = (path) => fileURLToPath(new URL(`../../../../${path}`, import.meta.url));
const tokenizers = await Promise.all(
  ["packages/rediff/src/text/testdata/tokenizer", "models/demo"].map((path) => loadTokenizer(folder(path))),
);

/** Texts that are to be repaired: every token has its place in what was typed, and nothing else changes. */
export default defineTarget({
  covers: [
    "text/tokenizer.js",
    "alignment/aligned-text.js",
    "alignment/byte-level.js",
    "alignment/normalized-text.js",
    "alignment/token-offsets.js",
    "alignment/token-spans.js",
    "text/text-edits.js",
  ],
  refusesNothing: true,
  seeds: ["A dog sleeps on a red sofa.", "Größe: 3 €, \u{1F600}\n\n  e\u0301", "<|eot_id|> \u0130\u1100\u1161"].map(
    utf8,
  ),
  dictionary: [
    "<|eot_id|>",
    "<|mdm_mask|>",
    "\u0301",
    "\u200d",
    "\ufeff",
    "\u{1F468}\u200d\u{1F469}",
    "\n",
    " ",
    "\u03a3",
    "\xff",
  ],
  maxBytes: 1 << 14,
  run(input) {
    const text = textOf(input);
    for (const tokenizer of tokenizers) {
      const draft = alignText(tokenizer, text);
      assert.equal(draft.text, text);
      const { ids } = draft;
      const { text: same, edits } = alignedEdits(tokenizer, draft, ids, new Float32Array(ids.length).fill(1));
      assert.equal(same, text);
      assert.deepEqual(edits, []);
      const other = Int32Array.from(ids, (id, i) => (i % 3 === 0 ? (ids[(i + 1) % ids.length] ?? id) : id));
      const changed = alignedEdits(tokenizer, draft, other, new Float32Array(ids.length).fill(0.5));
      assert.equal(applyEdits(text, changed.edits), changed.text);
    }
  },
});
