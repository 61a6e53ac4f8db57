// @ts-check
/** What a model answers, to every way of reading it. */
import { captionWords } from "../../../../packages/rediff/dist/evaluation/chair/caption-words.js";
import { ptbTokens } from "../../../../packages/rediff/dist/evaluation/ngrams/ptb-tokenizer.js";
import { circularLetter } from "../../../../packages/rediff/dist/evaluation/parsing/circular-letter.js";
import { finalAnswer } from "../../../../packages/rediff/dist/evaluation/parsing/final-answer.js";
import { leadingLetter } from "../../../../packages/rediff/dist/evaluation/parsing/leading-letter.js";
import { comparableMathAnswer } from "../../../../packages/rediff/dist/evaluation/parsing/math-answer.js";
import { openMatch, openValues } from "../../../../packages/rediff/dist/evaluation/parsing/open-answer.js";
import { cascadeLetter } from "../../../../packages/rediff/dist/evaluation/parsing/option-cascade.js";
import { optionLetter } from "../../../../packages/rediff/dist/evaluation/parsing/option-letter.js";
import { yesNoAlone, yesNoStart, yesUnlessNo } from "../../../../packages/rediff/dist/evaluation/parsing/yes-no.js";
import { textOf, utf8 } from "../../bytes.mjs";
import { defineTarget } from "../../target.mjs";

/** Letters of an answer, which has some thousand tokens at most. Each costs microseconds. */
const LONGEST = 20_000;
const LETTERS = ["A", "B", "C", "D"];
const OPTIONS = ["a red cat", "12.5", "none (of these)", "dogs"];

export default defineTarget({
  covers: [
    "evaluation/parsing/circular-letter.js",
    "evaluation/parsing/final-answer.js",
    "evaluation/parsing/leading-letter.js",
    "evaluation/parsing/math-answer.js",
    "evaluation/parsing/open-answer.js",
    "evaluation/parsing/option-cascade.js",
    "evaluation/parsing/option-letter.js",
    "evaluation/parsing/yes-no.js",
    "evaluation/ngrams/ptb-rules.js",
    "evaluation/ngrams/ptb-tokenizer.js",
    "evaluation/python/python-text.js",
    "evaluation/chair/caption-words.js",
  ],
  seeds: [
    "(B)",
    "The answer is C. a red cat",
    "So the final answer is: 1,234.5e3 and $12, therefore 7%",
    "Answer: no, it's not",
    "I can't tell; it's a bus's wheel -- 3 p.m., isn't it?",
    "Two motor cycles and three wine glasses\nnear a stop sign.",
  ].map(utf8),
  dictionary: [
    "(A)",
    " B ",
    "C.",
    "answer is",
    ":",
    "=",
    "\n",
    "yes",
    "No",
    "1,000",
    "1e5",
    "-.5",
    "%",
    "'s",
    "n't",
    "``",
    "...",
  ],
  refusesNothing: true,
  run(input) {
    const text = textOf(input).slice(0, LONGEST);
    const byLetter = Object.fromEntries(LETTERS.map((letter, i) => [letter, OPTIONS[i] ?? ""]));
    const letter = optionLetter(text, LETTERS);
    if (letter !== "" && !LETTERS.includes(letter)) throw new Error(`no option: ${letter}`);
    for (const found of [cascadeLetter(text, LETTERS, OPTIONS), circularLetter(text, byLetter)])
      if (found !== undefined && !LETTERS.includes(found)) throw new Error(`no option: ${found}`);
    leadingLetter(text);
    openMatch(openValues(finalAnswer(text) ?? text), "12.5");
    for (const answer_type of ["integer", "float", "list"])
      comparableMathAnswer(text, { question_type: "free_form", answer_type, precision: 2 });
    comparableMathAnswer(text, { question_type: "multi_choice", answer_type: "text", choices: OPTIONS });
    ptbTokens(text);
    captionWords(text);
    return yesNoStart(text) ?? yesNoAlone(text) ?? yesUnlessNo(text);
  },
});
