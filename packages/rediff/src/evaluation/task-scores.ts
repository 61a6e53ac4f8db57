/** From scores of answers to those of a task. */
import type { Mark, ScoredAnswer } from "./scored-answer.js";
import { sampleStandardError } from "./statistics/standard-errors.js";

export interface SubScore {
  score: number;
  count: number;
}

export interface TaskScores {
  /** null where nothing was there to measure. */
  metrics: Readonly<Record<string, number | null>>;
  /** Of those that are plain means. */
  stderr: Readonly<Record<string, number>>;
  /** Of others: the spread of the figure over documents drawn anew. Absent where nothing was drawn. */
  drawnStderr?: Readonly<Record<string, number>>;
  /** By facet, then by its value. */
  subScores: Readonly<Record<string, Readonly<Record<string, SubScore>>>>;
  counts: Counts;
}

/** How many answers the score does not stand for by itself. */
export type Counts = Readonly<Record<Mark | "answers", number>>;

export function countMarks(scored: readonly ScoredAnswer[]): Counts {
  const counts = { answers: scored.length, unreadable: 0, random: 0, judged: 0, judge_failed: 0, failed: 0 };
  for (const { marks } of scored) for (const mark of marks) counts[mark]++;
  return counts;
}

/** Means of all metrics, and of the first one by facets. */
export function meanScores(scored: readonly ScoredAnswer[], scale = 1): TaskScores {
  const series = new Map<string, number[]>();
  for (const { scores } of scored) {
    for (const [metric, score] of Object.entries(scores)) {
      const values = series.get(metric);
      if (values === undefined) series.set(metric, [score]);
      else values.push(score);
    }
  }
  const [first] = series.keys();
  return {
    metrics: Object.fromEntries([...series].map(([metric, values]) => [metric, mean(values) * scale])),
    stderr: Object.fromEntries(
      [...series].map(([metric, values]) => [metric, sampleStandardError(values) * scale] as const),
    ),
    subScores: first === undefined ? {} : facetScores(scored, ({ scores }) => scores[first], scale),
    counts: countMarks(scored),
  };
}

/** Means of one value, for each facet that the answers have. */
export function facetScores(
  scored: readonly ScoredAnswer[],
  read: (answer: ScoredAnswer) => number | undefined,
  scale = 1,
): Record<string, Record<string, SubScore>> {
  const facets = new Set(scored.flatMap((answer) => Object.keys(answer.facets)));
  return Object.fromEntries(
    [...facets].map((facet) => {
      const groups = groupBy(scored, (answer) => answer.facets[facet] ?? []);
      const entries = [...groups].map(([value, answers]) => {
        const values = answers.map(read).filter((number) => number !== undefined);
        return [value, { score: mean(values) * scale, count: values.length }] as const;
      });
      return [facet, Object.fromEntries(entries.filter(([, { count }]) => count > 0))];
    }),
  );
}

/** In the order in which keys are met first. */
export function groupBy<T>(items: readonly T[], keyOf: (item: T) => string | readonly string[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    for (const key of [keyOf(item)].flat()) {
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [item]);
      else group.push(item);
    }
  }
  return groups;
}

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
