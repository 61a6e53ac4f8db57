// @ts-check
import { mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { readResults } from "../../../../packages/rediff/dist/evaluation/results/result-files.js";
import { AnswersFile } from "../../../../packages/rediff/dist/evaluation/running/answers-file.js";
import { readGivenAnswers } from "../../../../packages/rediff/dist/evaluation/running/given-answers.js";
import { utf8 } from "../../bytes.mjs";
import { defineTarget } from "../../target.mjs";

const origin = /** @type {never} */ ({
  task: "t",
  protocol: "rediff",
  model: "m",
  checkpoint: "c",
  data: {},
  options: {},
});
/** @param {number} doc */
const answer = (doc) =>
  `${JSON.stringify({ doc, prompt: "p", reply: "A", tokens: 1, steps: 1, seconds: 1, cut: false, origin })}\n`;

/** Answers of earlier runs and of others, and what a run has left. */
export default defineTarget({
  covers: [
    "evaluation/running/answers-file.js",
    "evaluation/running/given-answers.js",
    "evaluation/results/result-files.js",
  ],
  file: "answers.jsonl",
  seeds: [
    utf8(answer(0) + answer(1)),
    utf8(answer(0) + answer(1).slice(0, -9)),
    utf8('{"doc":0,"answer":"A"}\n'),
    utf8('{"doc_id":0,"resps":[["A"]],"filtered_resps":["A"]}\n'),
    utf8('{"task":"t","protocol":"rediff","metric":"m","lowerIsBetter":[],"documents":1,"started":"","ended":""}'),
  ],
  dictionary: ['{"doc":', '"reply":', '"origin":', '"resps":', '"scores":', "\n", "{}", "null", "1e400"],
  async run(_, { file }) {
    const folder = dirname(file);
    const own = join(folder, "t");
    const readers = [
      () => readGivenAnswers(file),
      async () => (await AnswersFile.open(folder, origin)).close(),
      () => {
        mkdirSync(own, { recursive: true });
        renameSync(file, join(own, "result.json"));
        return readResults(folder);
      },
    ];
    /** @type {unknown[]} */
    const refusals = [];
    try {
      for (const read of readers) {
        try {
          await read();
        } catch (error) {
          if (!(error instanceof Error && error.name === "UserError")) throw error;
          refusals.push(error);
        }
      }
    } finally {
      rmSync(own, { recursive: true, force: true });
    }
    if (refusals.length === readers.length) throw refusals[0];
  },
});
