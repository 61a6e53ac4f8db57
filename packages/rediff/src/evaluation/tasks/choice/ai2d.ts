/** AI2D: diagrams of school books. */
import { z } from "zod";
import { stripPython } from "../../../text/python-strip.js";
import { isExactMatch } from "../../metrics/exact-match.js";
import { leadingLetter } from "../../parsing/leading-letter.js";
import { ASK_FOR_LETTER, letteredLines, letterOf } from "../../parsing/lettered-options.js";
import { defineTask } from "../../task.js";

/** `answer` is an index, written as a text. */
const document = z.looseObject({ question: z.string(), options: z.array(z.string()), answer: z.coerce.number().int() });

export const ai2d = defineTask<z.infer<typeof document>>({
  name: "ai2d",
  about: "AI2D: diagrams of school books",
  source: { dataset: "lmms-lab/ai2d", splits: ["test"], rows: 3088 },
  document,
  settings: { steps: 2, genLength: 2, thinking: "no_think" },
  metric: "exact_match",
  unstripped: true,
  prompt: ({ question, options }) => `${question}\n${letteredLines(options)}\n${ASK_FOR_LETTER}`,
  pictures: () => ["image"],
  score({ answer: index }, answer) {
    const [parsed, target] = [leadingLetter(answer), letterOf(index)];
    const isRight = isExactMatch(stripPython(parsed), target, { ignoreCase: true, ignorePunctuation: true });
    return { parsed, target, scores: { exact_match: Number(isRight) }, facets: {}, marks: [] };
  },
});
