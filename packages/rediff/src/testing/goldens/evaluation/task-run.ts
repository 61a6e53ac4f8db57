/** A recorded task: its prompts, its answers scored one by one, and all of them together. */
import { UserError } from "../../../errors.js";
import type { AskSuite } from "../../../evaluation/captions/suite.js";
import type { ScoredAnswer } from "../../../evaluation/scored-answer.js";
import type { Task } from "../../../evaluation/task.js";
import type { TaskScores } from "../../../evaluation/task-scores.js";
import type { GoldenCase, Outcome } from "../golden-case.js";
import { compareScores, type EvaluationCase, evaluationCase, type Keyed } from "./evaluation-case.js";

/** An answer and what it was scored to, for a form to write as the original did. */
export interface Sample {
  doc: Keyed;
  text: string;
  scored: ScoredAnswer;
}

export interface Result {
  scores: TaskScores;
  samples: readonly Sample[];
  recorded: EvaluationCase;
  /** What a part of the answers amounts to, or all of them under other scores. */
  rescore(scored: readonly ScoredAnswer[]): Promise<TaskScores>;
}

/** How the original writes what a task gives. */
export interface TaskForm {
  task: Task;
  sample?(sample: Sample, index: number): unknown;
  aggregate(result: Result): unknown;
  subScores?(result: Result): unknown;
}

export async function judgeTask(golden: GoldenCase, form: TaskForm): Promise<Outcome> {
  const recorded = evaluationCase(golden);
  const { task } = form;
  const script = scriptedJudge(recorded);
  const context = { judge: script.judge };
  const samples: Sample[] = [];
  for (const prediction of recorded.predictions) {
    const doc = recorded.docs[Number(prediction.doc)] ?? {};
    const text = String(prediction.text);
    samples.push({ doc, text, scored: await task.score(doc, text, context) });
  }
  const rescore = (scored: readonly ScoredAnswer[]) => task.aggregate(scored, context);
  const scores = await rescore(samples.map(({ scored }) => scored));
  const result: Result = { scores, samples, recorded, rescore: (scored) => task.aggregate(scored, {}) };

  const actual = {
    // Some cases have one prompt without a document.
    prompts: recorded.prompts.map((_, i) => promptOf(task, recorded.docs[i] ?? {})),
    per_sample: form.sample === undefined ? recorded.per_sample : samples.map(form.sample),
    aggregate: await form.aggregate(result),
    sub_scores: form.subScores === undefined ? recorded.sub_scores : await form.subScores(result),
    judge_calls: script.asked,
  };
  const { prompts, per_sample, aggregate, sub_scores, judge_calls } = recorded;
  return compareScores(
    actual,
    {
      prompts,
      per_sample,
      aggregate,
      sub_scores,
      judge_calls: judge_calls.map((call, i) => call.max_tokens ?? actual.judge_calls[i]),
    },
    golden,
  );
}

function promptOf(task: Task, doc: Keyed): unknown {
  const images = task.pictures(doc);
  try {
    return { text: task.prompt(doc), images };
  } catch (error) {
    if (error instanceof UserError) return { text: null, images };
    throw error;
  }
}

/** Replies in the order of calls; one call more than recorded fails. */
function scriptedJudge({ judge_calls }: EvaluationCase): { judge: AskSuite; asked: number[] } {
  const asked: number[] = [];
  const judge: AskSuite = async ({ maxTokens }) => {
    const call = judge_calls[asked.length];
    if (call === undefined) throw new Error(`the judge is asked more than ${judge_calls.length} times`);
    asked.push(maxTokens);
    return call.reply;
  };
  return { judge, asked };
}
