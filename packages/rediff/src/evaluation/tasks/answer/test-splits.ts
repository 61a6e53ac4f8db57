/** Splits whose truth only an outside server has: nothing is scored here, and the file that the server takes is written. */
import { z } from "zod";
import { ASK_FOR_WORD } from "../../parsing/lettered-options.js";
import type { ScoredAnswer } from "../../scored-answer.js";
import { defineTask, type Submission, type Task } from "../../task.js";
import { countMarks, type TaskScores } from "../../task-scores.js";
import { docvqa } from "./docvqa.js";

/** @returns what a test split's answers amount to */
export const unscored = (scored: readonly ScoredAnswer[]): TaskScores => ({
  metrics: {},
  stderr: {},
  subScores: {},
  counts: countMarks(scored),
});

export const withoutTruth = (parsed: string): ScoredAnswer => ({
  parsed,
  target: "",
  scores: {},
  facets: {},
  marks: parsed === "" ? ["unreadable"] : [],
});

const document = z.looseObject({ question: z.string(), questionId: z.coerce.number().int() });
type Document = z.infer<typeof document>;

const submission = (file: string): Submission<Document> => ({
  file,
  write: (answers) =>
    `${JSON.stringify(answers.map(({ document: { questionId }, answer }) => ({ questionId, answer })))}\n`,
});

const task = (name: string, about: string, config: string): Task =>
  defineTask<Document>({
    name,
    about: `${about}; its server scores the submission`,
    source: { dataset: "lmms-lab/DocVQA", config, splits: ["test"] },
    document,
    settings: docvqa.settings,
    metric: "anls",
    prompt: ({ question }) => `${question}\n${ASK_FOR_WORD}`,
    pictures: () => ["image"],
    score: (_, answer) => withoutTruth(answer),
    aggregate: unscored,
    submission: submission(`${name}_for_submission.json`),
  });

export const docvqaTest = task("docvqa_test", "DocVQA test", "DocVQA");
export const infovqaTest = task("infovqa_test", "InfographicVQA test", "InfographicVQA");
