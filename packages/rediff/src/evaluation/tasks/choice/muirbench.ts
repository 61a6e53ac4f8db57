/** MuirBench: questions about several pictures, which stand inside the question. */
import { z } from "zod";
import { stripPython } from "../../../text/python-strip.js";
import { leadingLetter } from "../../parsing/leading-letter.js";
import { ASK_FOR_LETTER, letteredLines } from "../../parsing/lettered-options.js";
import { defineTask } from "../../task.js";

const document = z.looseObject({
  task: z.string(),
  question: z.string(),
  options: z.array(z.string()),
  answer: z.string(),
  image_list: z.array(z.unknown()),
});

export const muirbench = defineTask<z.infer<typeof document>>({
  name: "muirbench",
  about: "MuirBench: relations between several pictures",
  source: { dataset: "MUIRBENCH/MUIRBENCH", splits: ["test"], rows: 2600 },
  document,
  // What a question ends with is left out where the text has its pictures in it, as here.
  settings: { steps: 2, genLength: 2, thinking: "no_think" },
  metric: "muirbench_score_overall",
  unstripped: true,
  prompt: ({ question, options }) => `${question}\n${letteredLines(options)}\n${ASK_FOR_LETTER}`,
  pictures: ({ image_list }) => image_list.map((_, i) => `image_list[${i}]`),
  score({ answer: target, task }, answer) {
    const parsed = leadingLetter(answer);
    const isRight = stripPython(parsed).toLowerCase() === stripPython(target).toLowerCase();
    return { parsed, target, scores: { muirbench_score_overall: Number(isRight) }, facets: { task }, marks: [] };
  },
});
