/** MMStar: questions that need their picture, in six abilities of three parts each. */
import { z } from "zod";
import { stripPython } from "../../../text/python-strip.js";
import { optionLetter } from "../../parsing/option-letter.js";
import type { ScoredAnswer } from "../../scored-answer.js";
import { defineTask, type Task } from "../../task.js";
import { countMarks, facetScores, groupBy, mean, type TaskScores } from "../../task-scores.js";

const document = z.looseObject({
  index: z.number(),
  question: z.string(),
  answer: z.string(),
  category: z.string(),
  l2_category: z.string(),
});

/** Whether the letter stands first, or behind one of three openings. "bottom" is right for B. */
function opensWith(answer: string, letter: string): boolean {
  const text = stripPython(answer.toLowerCase()).replaceAll("\n", " ");
  return ["", "(", "option ", "the answer is "].some((opening) => text.startsWith(`${opening}${letter}`));
}

/** Every metric is the mean over parts of their means: a part with few questions counts as much as others. */
function balanced(scored: readonly ScoredAnswer[]): TaskScores {
  const metrics = new Set(scored.flatMap(({ scores }) => Object.keys(scores)));
  const balance = (metric: string): number => {
    const own = scored.filter(({ scores }) => scores[metric] !== undefined);
    const parts = [...groupBy(own, ({ facets }) => facets.l2_category ?? "").values()];
    return mean(parts.map((answers) => mean(answers.map(({ scores }) => scores[metric] ?? 0))));
  };
  return {
    metrics: Object.fromEntries([...metrics].map((metric) => [metric, balance(metric)])),
    stderr: {},
    subScores: facetScores(scored, ({ scores }) => scores.average),
    counts: countMarks(scored),
  };
}

const task = (read: (answer: string, target: string) => { parsed: string | null; isRight: boolean }): Task =>
  defineTask<z.infer<typeof document>>({
    name: "mmstar",
    about: "MMStar: questions that cannot be answered without their picture",
    source: { dataset: "Lin-Chen/MMStar", splits: ["val"], rows: 1500 },
    document,
    settings: { steps: 2, genLength: 2, thinking: "no_think" },
    metric: "average",
    prompt: ({ question }) =>
      `${stripPython(question).replaceAll(" Please answer yes or no.", "")}\nAnswer with the option's letter from the given choices directly`,
    pictures: () => ["image"],
    score({ answer: target, category, l2_category }, answer) {
      const { parsed, isRight } = read(answer, target);
      const score = Number(isRight);
      return {
        parsed,
        target,
        scores: { average: score, [category]: score },
        facets: { category, l2_category },
        marks: parsed === null ? ["unreadable"] : [],
      };
    },
    aggregate: balanced,
  });

export const mmstar = task((answer, target) => {
  const isRight = opensWith(answer, stripPython(target.toLowerCase()));
  const other = ["a", "b", "c", "d"].find((letter) => opensWith(answer, letter));
  return { parsed: isRight ? target : (other?.toUpperCase() ?? null), isRight };
});

export const mmstarStock = task((answer, target) => {
  const letter = optionLetter(answer, ["A", "B", "C", "D"]);
  return { parsed: letter === "" ? null : letter, isRight: letter === stripPython(target).toUpperCase() };
});
