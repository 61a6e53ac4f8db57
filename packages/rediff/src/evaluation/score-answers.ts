/** Answers that are there, scored: no model is asked. */
import { UserError } from "../errors.js";
import { rng } from "../scenes/world/purpose-random.js";
import type { AskSuite } from "./captions/suite.js";
import type { ScoredAnswer } from "./scored-answer.js";
import { sampleVariance } from "./statistics/standard-errors.js";
import type { ScoreContext, Task } from "./task.js";
import type { TaskScores } from "./task-scores.js";

export interface Answered {
  document: unknown;
  answer: string;
  /** There is no answer: it counts as an empty one, is marked, and costs no judge. */
  failed?: boolean;
  /** As a data URL, for judges that see it. */
  picture?: () => Promise<string>;
}

export interface ScoreOptions {
  judge?: AskSuite | undefined;
  /** What happens to an answer in which no letter can be read: it is wrong, or one is drawn, as LLaDA-V's evaluation does. */
  unreadable?: "wrong" | "random" | undefined;
  /** Of the letters drawn. */
  seed?: number | undefined;
  /** Answers that a judge has under way at a time; default 1. */
  concurrency?: number | undefined;
  signal?: AbortSignal | undefined;
}

export interface ScoredTask {
  answers: ScoredAnswer[];
  scores: TaskScores;
  /** Where letters were drawn: the same with those counted as wrong. */
  withoutLuck?: TaskScores;
  /** Where answers are missing: the scores of the others. Undefined where there are none. */
  withoutFailed?: TaskScores;
}

export async function scoreAnswers(
  task: Task,
  answered: Iterable<Answered> | AsyncIterable<Answered>,
  options: ScoreOptions = {},
): Promise<ScoredTask> {
  const context = contextOf(task, options);
  const scored: ScoredAnswer[] = [];
  const groups: string[] = [];
  await inTurns(answered, options.concurrency ?? 1, async (one, i) => {
    options.signal?.throwIfAborted();
    groups[i] = task.together?.(one.document) ?? String(i);
    scored[i] = await scoreOne(task, one, context);
  });
  if (scored.length === 0) throw new UserError(`${task.name}: there are no answers to score`);
  const answers = (await task.complete?.(scored)) ?? scored;
  const added = await task.aggregate(answers, context);
  const scores = task.drawnErrors ? { ...added, drawnStderr: await drawnErrors(task, answers, context) } : added;
  const { draw: _, ...sober } = context;
  return {
    answers,
    scores,
    ...(scores.counts.random > 0 && { withoutLuck: await task.aggregate(answers.map(asWrong), sober) }),
    ...(await answeredOnly(task, answers, groups, context)),
  };
}

function contextOf({ name }: Task, { judge, unreadable = "wrong", seed = 0 }: ScoreOptions): ScoreContext {
  if (unreadable === "wrong") return { judge, seed };
  return { judge, seed, draw: (letters, key) => rng("letter", seed, name, key).pick(letters) };
}

/** Times that documents are drawn. */
const DRAWS = 200;

/** Standard deviations of figures that are no means, over as many documents drawn with replacement. A figure that some
 *  draw has nothing to measure by has no error. */
async function drawnErrors(
  task: Task,
  answers: readonly ScoredAnswer[],
  context: ScoreContext,
): Promise<Record<string, number>> {
  if (answers.length < 2) return {};
  const random = rng("errors", context.seed ?? 0, task.name);
  const drawn = new Map<string, (number | null)[]>();
  for (let i = 0; i < DRAWS; i++) {
    const sample = answers.flatMap(() => answers[random.below(answers.length)] ?? []);
    const { metrics } = await task.aggregate(sample, context);
    for (const [metric, value] of Object.entries(metrics)) drawn.set(metric, [...(drawn.get(metric) ?? []), value]);
  }
  return Object.fromEntries(
    [...drawn].flatMap(([metric, values]) => {
      const known = values.filter((value) => value !== null);
      return known.length < DRAWS ? [] : [[metric, Math.sqrt(sampleVariance(known))] as const];
    }),
  );
}

const nobody: AskSuite = async () => undefined;

async function scoreOne(task: Task, one: Answered, context: ScoreContext): Promise<ScoredAnswer> {
  const { document, answer, failed, picture } = one;
  if (failed !== true) return task.score(document, answer, { ...context, picture });
  const { draw: _, ...sober } = context;
  const judge = context.judge && nobody;
  return { ...(await task.score(document, "", { ...sober, judge, failed })), parsed: null, marks: ["failed"] };
}

/** What counts together is left out together. */
async function answeredOnly(
  task: Task,
  answers: readonly ScoredAnswer[],
  groups: readonly string[],
  context: ScoreContext,
): Promise<Pick<ScoredTask, "withoutFailed">> {
  const isFailed = ({ marks }: ScoredAnswer) => marks.includes("failed");
  if (!answers.some(isFailed)) return {};
  const broken = new Set(groups.filter((_, i) => answers[i] !== undefined && isFailed(answers[i])));
  const rest = answers.filter((_, i) => !broken.has(groups[i] ?? ""));
  return rest.length === 0 ? {} : { withoutFailed: await task.aggregate(rest, context) };
}

/** Up to `width` at a time; the next one is taken when one is done. */
async function inTurns<T>(
  items: Iterable<T> | AsyncIterable<T>,
  width: number,
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  const running = new Set<Promise<void>>();
  let index = 0;
  for await (const item of items) {
    const one: Promise<void> = work(item, index++).finally(() => running.delete(one));
    running.add(one);
    one.catch(() => undefined); // told below
    if (running.size >= width) await Promise.race(running);
  }
  await Promise.all(running);
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
