/** Answers that are there, scored: no model is asked. */
import { UserError } from "../errors.js";
import { rng } from "../scenes/world/purpose-random.js";
import type { AskJudge } from "./ask-judge.js";
import type { ScoredAnswer } from "./scored-answer.js";
import type { ScoreContext, Task } from "./task.js";
import type { TaskScores } from "./task-scores.js";

export interface Answered {
  document: unknown;
  answer: string;
}

export interface ScoreOptions {
  judge?: AskJudge | undefined;
  /** What happens to an answer in which no letter can be read: it is wrong, or one is drawn, as LLaDA-V's evaluation does. */
  unreadable?: "wrong" | "random";
  /** Of the letters drawn. */
  seed?: number;
}

export interface ScoredTask {
  answers: ScoredAnswer[];
  scores: TaskScores;
  /** Where letters were drawn: the same with those counted as wrong. */
  withoutLuck?: TaskScores;
}

export async function scoreAnswers(
  task: Task,
  answered: Iterable<Answered> | AsyncIterable<Answered>,
  options: ScoreOptions = {},
): Promise<ScoredTask> {
  const context = contextOf(task, options);
  const answers: ScoredAnswer[] = [];
  for await (const { document, answer } of answered) answers.push(await task.score(document, answer, context));
  if (answers.length === 0) throw new UserError(`${task.name}: there are no answers to score`);
  const scores = await task.aggregate(answers, context);
  if (scores.counts.random === 0) return { answers, scores };
  const { draw: _, ...sober } = context;
  return { answers, scores, withoutLuck: await task.aggregate(answers.map(asWrong), sober) };
}

function contextOf({ name }: Task, { judge, unreadable = "wrong", seed = 0 }: ScoreOptions): ScoreContext {
  if (unreadable === "wrong") return { judge };
  return { judge, draw: (letters, key) => rng("letter", seed, name, key).pick(letters) };
}

const asWrong = (answer: ScoredAnswer): ScoredAnswer =>
  answer.marks.includes("random")
    ? {
        ...answer,
        parsed: null,
        scores: Object.fromEntries(Object.keys(answer.scores).map((metric) => [metric, 0])),
        marks: answer.marks.filter((mark) => mark !== "random"),
      }
    : answer;

/** The first documents, with all that count together with them: pairs of MME, rotations of MMBench. */
export function firstDocuments(task: Task, documents: readonly unknown[], limit: number): unknown[] {
  const { together } = task;
  if (together === undefined) return documents.slice(0, limit);
  const keys = new Set(documents.slice(0, limit).map(together));
  return documents.filter((document) => keys.has(together(document)));
}
