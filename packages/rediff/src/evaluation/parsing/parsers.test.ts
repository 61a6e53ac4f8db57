/** Whatever a model says, a parser reads something or nothing, and never fails. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { captionWords } from "../chair/caption-words.js";
import { singular } from "../chair/singular.js";
import { anls } from "../metrics/anls.js";
import { isExactMatch } from "../metrics/exact-match.js";
import { levenshtein } from "../metrics/levenshtein.js";
import { isRelaxedMatch } from "../metrics/relaxed-accuracy.js";
import { ptbTokens } from "../ngrams/ptb-tokenizer.js";
import { circularLetter } from "./circular-letter.js";
import { behindLastColon, finalAnswer } from "./final-answer.js";
import { leadingLetter } from "./leading-letter.js";
import { comparableMathAnswer, plainMathAnswer } from "./math-answer.js";
import { openMatch, openValues } from "./open-answer.js";
import { cascadeLetter } from "./option-cascade.js";
import { optionLetter } from "./option-letter.js";
import { yesNoAlone, yesNoStart, yesUnlessNo } from "./yes-no.js";

/** Texts as models write them, and all others. */
const words = [
  "A",
  "(B)",
  "C.",
  "D:",
  "the answer is",
  "Answer:",
  "yes",
  "No",
  "not",
  "1,250.50",
  "3e5",
  "\u0660",
  "'s",
  "\n",
];
const answer = fc.oneof(
  fc.string({ unit: "binary" }),
  fc
    .array(fc.oneof(fc.constantFrom(...words), fc.string({ maxLength: 4 })), { maxLength: 12 })
    .map((all) => all.join(" ")),
);
const options = ["red", "blue", "(A) green", "nan"];
const letters = ["A", "B", "C", "D"];
const isLetter = (letter: string | undefined) => letter === undefined || [...letters, "E"].includes(letter);
const holds = (property: (text: string) => boolean) => fc.assert(fc.property(answer, property), { numRuns: 300 });

describe("any text is read without failing", () => {
  test("a letter is one of the options' letters, or none", () => {
    holds((text) => isLetter(cascadeLetter(text, letters, options)));
    holds((text) => isLetter(optionLetter(text, letters) || undefined));
    holds((text) => isLetter(circularLetter(text, { A: "red", B: "blue", C: "green" })));
  });

  test("yes and no", () => {
    holds((text) =>
      [yesNoStart(text), yesNoAlone(text), yesUnlessNo(text)].every(
        (read) => read === undefined || /^(yes|no)$/.test(read),
      ),
    );
  });

  test("open answers, tails and numbers", () => {
    holds((text) => openValues(text).length > 0);
    holds((text) => typeof openMatch(openValues(text), text) === "boolean");
    holds(
      (text) => (finalAnswer(text) ?? "").length <= text.length && (behindLastColon(text) ?? "").length <= text.length,
    );
    for (const answer_type of ["integer", "float", "list", "text"]) {
      const question = { question_type: "free_form", answer_type, precision: 2 };
      holds((text) => comparableMathAnswer(plainMathAnswer(text, question) ?? text, question) !== null);
    }
  });

  test("tokens and words", () => {
    holds((text) => !/\s\s/.test(ptbTokens(text).replaceAll("\u00a0", "x")));
    holds((text) => captionWords(text).words.length === captionWords(text).places.length);
    holds((text) => typeof singular(text) === "string");
  });
});

describe("reading what was read changes nothing", () => {
  test("a leading letter, a yes, a choice", () => {
    holds(
      (text) =>
        leadingLetter(leadingLetter(text)) === leadingLetter(text) || /^[A-Z]\./.test(leadingLetter(text).trimStart()),
    );
    holds((text) => yesNoStart(yesNoStart(text) ?? "") === yesNoStart(text));
    holds((text) => {
      const letter = optionLetter(text, letters);
      return optionLetter(letter, letters) === letter;
    });
    const question = { question_type: "multi_choice", answer_type: "text", choices: ["three", "four", "5"] };
    holds((text) => {
      const choice = comparableMathAnswer(text, question) ?? "";
      return comparableMathAnswer(choice, question) === choice;
    });
  });
});

describe("scores", () => {
  test("lie between 0 and 1, and are 1 for the target itself", () => {
    fc.assert(
      fc.property(answer, answer, (text, target) => {
        const score = anls(text, [target]);
        expect(score).toBeGreaterThanOrEqual(0);
        expect(score).toBeLessThanOrEqual(1);
        expect(anls(target, [target])).toBe(1);
        expect(isExactMatch(target, target, { ignoreCase: true, ignorePunctuation: true })).toBe(true);
      }),
    );
    holds((text) => isRelaxedMatch(text, text) || text.includes("n"));
  });

  test("edits are as many one way as the other, and no more than characters", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
        expect(levenshtein(a, b)).toBe(levenshtein(b, a));
        expect(levenshtein(a, b)).toBeLessThanOrEqual(Math.max([...a].length, [...b].length));
      }),
    );
    expect(levenshtein("kitten", "sitting")).toBe(3);
  });
});
