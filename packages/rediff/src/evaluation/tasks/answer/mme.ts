/** MME: two questions to each picture, one to be answered with yes and one with no. */
import { z } from "zod";
import { UserError } from "../../../errors.js";
import { ASK_FOR_WORD } from "../../parsing/lettered-options.js";
import { yesNoStart } from "../../parsing/yes-no.js";
import type { ScoredAnswer } from "../../scored-answer.js";
import { defineTask } from "../../task.js";
import { countMarks, groupBy, mean, type SubScore, type TaskScores } from "../../task-scores.js";

const categories = {
  mme_perception_score: [
    "existence",
    "count",
    "position",
    "color",
    "posters",
    "celebrity",
    "scene",
    "landmark",
    "artwork",
    "OCR",
  ],
  mme_cognition_score: ["commonsense_reasoning", "numerical_calculation", "text_translation", "code_reasoning"],
} as const;
type Metric = keyof typeof categories;

const metrics = Object.keys(categories) as Metric[];
const metricOf = (category: string): Metric | undefined =>
  metrics.find((metric) => categories[metric].some((name) => name === category));

const document = z.looseObject({
  question_id: z.string(),
  question: z.string(),
  answer: z.string(),
  category: z.string().refine((category) => metricOf(category) !== undefined, "expected one of MME's categories"),
});

/** Of 100 for single answers and 100 for pairs. */
function pairScore(answers: readonly ScoredAnswer[], id: string): number {
  if (answers.length !== 2) {
    throw new UserError(
      `MME: question ${id} has ${answers.length} answers, and pairs are counted`,
      "Take an even number of documents, or all of them",
    );
  }
  const right = answers.filter(({ scores }) => Object.values(scores).includes(1)).length;
  return (right / 2) * 100 + (right === 2 ? 100 : 0);
}

function sums(scored: readonly ScoredAnswer[]): TaskScores {
  const byCategory = groupBy(scored, ({ facets }) => facets.category ?? "");
  const categoryScore = (category: string): SubScore => {
    const pairs = groupBy(byCategory.get(category) ?? [], ({ details }) => String(details?.question_id));
    const scores = [...pairs].map(([id, answers]) => pairScore(answers, id));
    return { score: scores.length === 0 ? 0 : mean(scores), count: scores.length };
  };
  const parts = metrics.map((metric) => {
    const entries = categories[metric].map((category) => [category, categoryScore(category)] as const);
    return { metric, entries: entries.filter(([, { count }]) => count > 0) };
  });
  return {
    metrics: Object.fromEntries(
      parts.map(({ metric, entries }) => [metric, entries.reduce((sum, [, { score }]) => sum + score, 0)]),
    ),
    stderr: {},
    subScores: Object.fromEntries(parts.map(({ metric, entries }) => [metric, Object.fromEntries(entries)])),
    counts: countMarks(scored),
  };
}

export const mme = defineTask<z.infer<typeof document>>({
  name: "mme",
  about: "MME: pairs of yes-and-no questions; perception of at most 2000, cognition of at most 800",
  source: { dataset: "lmms-lab/MME", splits: ["test"], rows: 2374 },
  document,
  settings: { steps: 2, genLength: 2, thinking: "no_think" },
  metric: "mme_perception_score",
  prompt: ({ question }) => `${question.replaceAll(" Please answer yes or no.", "")}\n${ASK_FOR_WORD}`,
  pictures: () => ["image"],
  together: ({ category, question_id }) => `${category}\n${question_id}`,
  copy: (answer, number) => ({
    ...answer,
    details: { question_id: `${String(answer.details?.question_id)} ${number}` },
  }),
  score({ question_id, answer, category }, text) {
    const parsed = yesNoStart(text);
    const target = answer.toLowerCase();
    return {
      parsed: parsed ?? null,
      target,
      scores: { [metricOf(category) ?? ""]: Number(parsed === target) },
      facets: { category },
      marks: parsed === undefined ? ["unreadable"] : [],
      details: { question_id },
    };
  },
  aggregate: sums,
});
