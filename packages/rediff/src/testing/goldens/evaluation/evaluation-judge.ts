/** Which cases of the scorers are judged how. */
import { z } from "zod";
import type { GoldenCase, Outcome } from "../golden-case.js";
import { measures } from "./measures.js";
import { taskForms } from "./task-forms.js";
import { judgeTask } from "./task-run.js";

export async function run(golden: GoldenCase): Promise<Outcome> {
  const { task } = z.looseObject({ task: z.string() }).parse(golden.raw);
  const form = Object.hasOwn(taskForms, task) ? taskForms[task] : undefined;
  if (form !== undefined) return judgeTask(golden, form);
  const measure = Object.hasOwn(measures, task) ? measures[task] : undefined;
  if (measure !== undefined) return measure(golden);
  return { status: "failed", deviation: Number.NaN, note: `no scorer for ${task}` };
}
