/** RealWorldQA: pictures taken from cars and elsewhere; options, numbers and words. */
import { z } from "zod";
import { stripPython } from "../../../text/python-strip.js";
import { isExactMatch } from "../../metrics/exact-match.js";
import { letterOf } from "../../parsing/lettered-options.js";
import { PYTHON_SPACE, PYTHON_WORD } from "../../python/python-text.js";
import { defineTask } from "../../task.js";

const document = z.looseObject({ question: z.string(), answer: z.string() });

const numbers = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];

/** "three": "3", where that is the whole answer. */
export function wordToDigit(answer: string): string {
  const number = numbers.indexOf(answer.toLowerCase());
  return number < 0 ? answer : String(number);
}

const notPlain = new RegExp(`[^${PYTHON_WORD}${PYTHON_SPACE}]`, "gu");
const optionLine = new RegExp(`(?:(?<![${PYTHON_WORD}])(?=[A-Z]))([A-Z])\\.[${PYTHON_SPACE}]+([^\\n]*)`, "gu");

/** The answer without signs; an option's text in it becomes the option's letter, by its place among the options.
 *  An option with a sign in its text is never found: the answer has lost its signs. */
export function optionTextToLetter(answer: string, question: string): string {
  const plain = stripPython(answer.replace(notPlain, ""));
  const options = [...question.matchAll(optionLine)].map(([, , text = ""]) => stripPython(text));
  const places = options.map((text) => plain.indexOf(text));
  const found = places.filter((at) => at >= 0);
  if (found.length === 0) return plain;
  return letterOf(places.indexOf(Math.min(...found)));
}

export const realworldqa = defineTask<z.infer<typeof document>>({
  name: "realworldqa",
  about: "RealWorldQA: places, directions and numbers in photographs",
  source: { dataset: "lmms-lab/RealWorldQA", splits: ["test"], rows: 765 },
  document,
  settings: { steps: 2, genLength: 2, thinking: "no_think" },
  metric: "exact_match",
  unstripped: true,
  prompt: ({ question }) => stripPython(question),
  pictures: () => ["image"],
  score({ question, answer: target }, answer) {
    const parsed = optionTextToLetter(wordToDigit(answer), question);
    const isRight = isExactMatch(parsed, target, { ignoreCase: true, ignorePunctuation: true });
    return { parsed, target, scores: { exact_match: Number(isRight) }, facets: {}, marks: [] };
  },
});
