// @ts-check
/** What a judge replies, in each suite. */
import { readArena } from "../../../../packages/rediff/dist/evaluation/captions/caparena.js";
import { readClair } from "../../../../packages/rediff/dist/evaluation/captions/clair.js";
import { readCoverage } from "../../../../packages/rediff/dist/evaluation/captions/coverage.js";
import { readStatements } from "../../../../packages/rediff/dist/evaluation/captions/factuality.js";
import { textOf, utf8 } from "../../bytes.mjs";
import { defineTarget } from "../../target.mjs";

export default defineTarget({
  covers: ["evaluation/captions/clair.js", "evaluation/captions/lettered-lines.js"],
  seeds: [
    '{"score": 85, "reason": "both name a cat"}',
    'Sure!\n```json\n{"score": "7.5"}\n```',
    "score: 40",
    "1. yes\n2. no\n3. unknown",
    "A: the cat is red\nB: there are two dogs\n",
    "Caption 1 is better",
  ].map(utf8),
  dictionary: [
    "{",
    "}",
    '"score"',
    ":",
    "1.",
    "A:",
    "\n",
    "```",
    "yes",
    "no",
    "NaN",
    "-1",
    "1e999",
    "tie",
    "Caption 2",
  ],
  refusesNothing: true,
  run(input) {
    const text = textOf(input);
    const clair = readClair(text);
    readCoverage(text, 3);
    readStatements(text);
    return clair ?? readArena(text);
  },
});
