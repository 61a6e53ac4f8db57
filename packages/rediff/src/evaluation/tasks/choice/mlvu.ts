/** MLVU: long videos, seven tasks. */
import { z } from "zod";
import { optionLetter } from "../../parsing/option-letter.js";
import { defineTask, type Task } from "../../task.js";
import { countMarks, facetScores, type TaskScores } from "../../task-scores.js";

/** Of the same weight each, however many questions they have. */
const taskTypes = ["anomaly_reco", "count", "ego", "needle", "order", "plotQA", "topic_reasoning"] as const;

const document = z.looseObject({
  video_name: z.string(),
  question: z.string(),
  answer: z.string(),
  task_type: z.enum(taskTypes),
});

/** What stands before the first bracket: the prompt ends in an open one. */
function beforeBracket(answer: string): string {
  const at = answer.indexOf(")");
  return at < 0 ? answer : ([...answer.slice(0, at)].at(-1) ?? "");
}

const task = (read: (answer: string) => string, rules: { emptyTasks: "zero" | "left_out" }): Task =>
  defineTask<z.infer<typeof document>>({
    name: "mlvu_dev",
    about: "MLVU dev: long videos",
    source: { dataset: "sy1998/MLVU_dev", splits: ["test"], rows: 2174 },
    document,
    settings: { steps: 2, genLength: 2, thinking: "no_think" },
    metric: "mlvu_percetion_score",
    prompt: ({ question }) => `${question}\nOnly give the best option.\nBest option: (`,
    cluster: ({ video_name }) => video_name,
    pictures: ({ video_name }) => [video_name],
    score({ answer: target, task_type }, answer) {
      const parsed = read(answer);
      return {
        parsed,
        target,
        scores: { mlvu_percetion_score: Number(parsed === target) },
        facets: { task_type },
        marks: /^[A-Z]$/.test(parsed) ? [] : ["unreadable"],
      };
    },
    aggregate(scored): TaskScores {
      const subScores = facetScores(scored, ({ scores }) => scores.mlvu_percetion_score, 100);
      const seen = Object.values(subScores.task_type ?? {}).map(({ score }) => score);
      const parts = rules.emptyTasks === "zero" ? taskTypes.length : seen.length;
      const score = parts === 0 ? null : seen.reduce((sum, value) => sum + value, 0) / parts;
      return { metrics: { mlvu_percetion_score: score }, stderr: {}, subScores, counts: countMarks(scored) };
    },
  });

/** A task without a question is left out of the mean, where the original counts it as 0. */
export const mlvu = task(beforeBracket, { emptyTasks: "left_out" });
export const mlvuOriginal = task(beforeBracket, { emptyTasks: "zero" });
export const mlvuStock = task((answer) => optionLetter(answer, ["A", "B", "C", "D"]), { emptyTasks: "zero" });
