/** POPE: whether an object is in a picture; those that are not were chosen at random, by frequency, or as likely there. */
import { z } from "zod";
import { stripPython } from "../../../text/python-strip.js";
import { ASK_FOR_WORD } from "../../parsing/lettered-options.js";
import { type YesNo, yesNoAlone, yesUnlessNo } from "../../parsing/yes-no.js";
import type { ScoredAnswer } from "../../scored-answer.js";
import { defineTask, type Task } from "../../task.js";
import { countMarks, facetScores, groupBy, mean, type TaskScores } from "../../task-scores.js";

const document = z.looseObject({ question: z.string(), answer: z.string(), category: z.string() });

export interface Confusion {
  truePositives: number;
  falsePositives: number;
  trueNegatives: number;
  falseNegatives: number;
}

/** Yes is the positive; what was not read is neither. */
export function confusion(scored: readonly ScoredAnswer[]): Confusion {
  const count = (parsed: YesNo, target: YesNo) =>
    scored.filter((answer) => answer.parsed === parsed && answer.target === target).length;
  return {
    truePositives: count("yes", "yes"),
    falsePositives: count("yes", "no"),
    trueNegatives: count("no", "no"),
    falseNegatives: count("no", "yes"),
  };
}

const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);

function figures(scored: readonly ScoredAnswer[], yesOf: "answers" | "truth"): Record<string, number> {
  const { truePositives, falsePositives, falseNegatives } = confusion(scored);
  const precision = ratio(truePositives, truePositives + falsePositives);
  const recall = ratio(truePositives, truePositives + falseNegatives);
  const isYes = (answer: ScoredAnswer) => (yesOf === "truth" ? answer.target : answer.parsed) === "yes";
  return {
    pope_accuracy: mean(scored.map(({ scores }) => scores.pope_accuracy ?? 0)),
    pope_precision: precision,
    pope_recall: recall,
    pope_f1_score: ratio(2 * precision * recall, precision + recall),
    pope_yes_ratio: scored.filter(isYes).length / scored.length,
  };
}

/** Papers give F1 of each way of choosing, and their mean. */
function scores(scored: readonly ScoredAnswer[], yesOf: "answers" | "truth"): TaskScores {
  const byCategory = groupBy(scored, ({ facets }) => facets.category ?? "");
  const f1 = [...byCategory].map(([category, answers]) => {
    const score = figures(answers, yesOf).pope_f1_score ?? 0;
    return [category, { score, count: answers.length }] as const;
  });
  return {
    metrics: { ...figures(scored, yesOf), pope_mean_f1: mean(f1.map(([, { score }]) => score)) },
    stderr: {},
    subScores: { ...facetScores(scored, (answer) => answer.scores.pope_accuracy), f1: Object.fromEntries(f1) },
    counts: countMarks(scored),
  };
}

const task = (read: (answer: string) => YesNo | undefined, yesOf: "answers" | "truth"): Task =>
  defineTask<z.infer<typeof document>>({
    name: "pope",
    about: "POPE: objects that are not in the picture",
    source: { dataset: "lmms-lab/POPE", splits: ["test"], rows: 9000 },
    document,
    settings: { steps: 2, genLength: 2, thinking: "no_think" },
    metric: "pope_f1_score",
    prompt: ({ question }) => `${stripPython(question)}\n${ASK_FOR_WORD}`,
    pictures: () => ["image"],
    score({ answer, category }, text) {
      const parsed = read(text);
      const target = stripPython(answer.toLowerCase());
      return {
        parsed: parsed ?? null,
        target,
        scores: { pope_accuracy: Number(parsed === target) },
        facets: { category },
        marks: parsed === undefined ? ["unreadable"] : [],
      };
    },
    aggregate: (scored) => scores(scored, yesOf),
  });

/** Any case, a full stop and a reason behind it do no harm; the ratio is of the answers. */
export const pope = task((answer) => yesNoAlone(/^\s*(\p{L}+)/u.exec(answer)?.[1] ?? ""), "answers");
export const popeOfficial = task(yesUnlessNo, "answers");
export const popeStock = task(yesNoAlone, "truth");
