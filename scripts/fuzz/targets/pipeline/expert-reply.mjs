// @ts-check
import { parseReply } from "../../../../packages/rediff/dist/pipeline/correction/expert-reply.js";
import { readOriginalReply } from "../../../../packages/rediff/dist/pipeline/correction/original-reply.js";
import { textOf, utf8 } from "../../bytes.mjs";
import { defineTarget } from "../../target.mjs";

export default defineTarget({
  covers: ["pipeline/correction/expert-reply.js", "pipeline/correction/original-reply.js"],
  seeds: [
    "right",
    '```json\n[{"org": "a cat", "target": "a dog"}, {"org": 1}]\n```',
    '{"org": "x", "target": "y"}',
    ' **"Right"**. ',
    '[NaN, {"org": "a \\" b", "target": "c", "n": -Infinity}]',
  ].map(utf8),
  dictionary: [
    "```",
    "```json",
    "right",
    '"org"',
    '"target"',
    "NaN",
    "Infinity",
    "[",
    "]",
    "{",
    "}",
    " ",
    "\n",
    '\\"',
    '"',
    "null",
  ],
  run(input) {
    const text = textOf(input);
    const { kind } = parseReply(text);
    const original = readOriginalReply(text, (phrase) => phrase.split(" ").length);
    return kind !== "unusable" || original.kind === "pairs";
  },
});
