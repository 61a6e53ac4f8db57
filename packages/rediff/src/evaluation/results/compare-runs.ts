/** Whether one run is better than another: the same documents, drawn anew together, so that what is hard in one cancels out. */
import { OptionError, option, UserError, wording } from "../../errors.js";
import { number, optionSet } from "../../options/option-set.js";
import { rng } from "../../scenes/world/purpose-random.js";
import { protocols } from "../protocols.js";
import type { ScoredAnswer } from "../scored-answer.js";
import { pairedBootstrap } from "../statistics/paired-tests.js";
import type { Task } from "../task.js";
import { findTask } from "../task-registry.js";
import { groupBy } from "../task-scores.js";
import { type KeptResult, readResults } from "./result-files.js";

export interface ComparedMetric {
  metric: string;
  first: number | null;
  second: number | null;
  /** Second less first. */
  difference: number | null;
  /** Of 95 %, documents resampled; null where it could not be measured in every sample. */
  interval: readonly [low: number, high: number] | null;
}

export interface DifferentSample {
  index: number;
  prompt: string;
  target: string;
  /** First and second. */
  replies: readonly [string | null, string | null];
  scores: readonly [number | null, number | null];
}

export interface ComparedTask {
  task: string;
  protocol: string;
  /** That both runs have. */
  documents: number;
  /** Documents that one of them has and the other has not. */
  unpaired: number;
  metrics: readonly ComparedMetric[];
  /** Documents whose score differs. */
  different: readonly DifferentSample[];
  /** Documents that the second run has better, and worse. */
  better: number;
  worse: number;
}

export interface CompareOptions {
  /** Times that documents are drawn; default 1000. */
  samples?: number | undefined;
  seed?: number | undefined;
}

const checkOptions = optionSet<CompareOptions>({ samples: number, seed: number });

/** @param first folder of a run's output. @throws UserError where they have no task in common, or its data differ */
export async function compareRuns(
  first: string,
  second: string,
  options: CompareOptions = {},
): Promise<ComparedTask[]> {
  checkOptions(options);
  const { samples = 1 } = options;
  if (!Number.isSafeInteger(samples) || samples < 1)
    throw new OptionError("samples", wording`${option("samples")} must be a whole number from 1, got ${samples}`);
  const [before, after] = await Promise.all([readResults(first), readResults(second)]);
  const pairs = before.flatMap((one) => {
    const other = after.find(({ task }) => task === one.task);
    return other === undefined ? [] : [[one, other] as const];
  });
  if (pairs.length === 0) {
    const names = (results: readonly KeptResult[]) => results.map(({ task }) => task).join(", ");
    throw new UserError(
      `${first} has ${names(before)}, and ${second} has ${names(after)}`,
      "Compare runs of one task.",
    );
  }
  return Promise.all(pairs.map(([one, other]) => compareTask(one, other, options)));
}

interface Pair {
  index: number;
  together: string;
  scored: readonly [ScoredAnswer, ScoredAnswer];
  replies: DifferentSample["replies"];
  prompt: string;
}

async function compareTask(first: KeptResult, second: KeptResult, options: CompareOptions): Promise<ComparedTask> {
  const { task, protocol } = first;
  const fail = (what: string, was: string, is: string) =>
    new UserError(
      `${task} was scored ${what} ${was} in ${first.folder} and ${is} in ${second.folder}`,
      "Score both alike.",
    );
  if (protocol !== second.protocol) throw fail("by protocol", protocol, second.protocol);
  const data = (result: KeptResult) => result.origin.data.fingerprint;
  if (data(first) !== data(second)) throw fail("on data", data(first), data(second));
  const pairs = pairsOf(first, second);
  if (pairs.length === 0) throw new UserError(`${task}: the two runs have no document in common`);
  const metrics = await compareMetrics(task, protocol, first, pairs, options);
  const graded = pairs.map((pair) => ({ ...pair, scores: pair.scored.map(gradeOf) as [number | null, number | null] }));
  const different = graded.filter(({ scores: [one, other] }) => one !== other);
  const isLower = first.lowerIsBetter.includes(first.metric);
  const gain = different.filter(({ scores: [one, other] }) => (other ?? 0) > (one ?? 0) !== isLower).length;
  return {
    ...{ task, protocol, documents: pairs.length, metrics },
    unpaired: first.samples.length + second.samples.length - 2 * pairs.length,
    different: different.map(({ index, prompt, scored: [{ target }], replies, scores }) => ({
      ...{ index, prompt, target, replies, scores },
    })),
    better: gain,
    worse: different.length - gain,
  };
}

/** The first of its scores, which is the task's own. */
const gradeOf = ({ scores }: ScoredAnswer): number | null => Object.values(scores)[0] ?? null;

function pairsOf(first: KeptResult, second: KeptResult): Pair[] {
  const others = new Map(second.samples.map((sample) => [sample.index, sample]));
  return first.samples.flatMap(({ index, together = String(index), prompt, reply, scored }) => {
    const other = others.get(index);
    if (scored === undefined || other?.scored === undefined) return [];
    return [{ index, together, prompt, scored: [scored, other.scored], replies: [reply, other.reply] }];
  });
}

async function compareMetrics(
  name: string,
  protocol: string,
  { scores }: KeptResult,
  pairs: readonly Pair[],
  { samples = 1000, seed = 0 }: CompareOptions,
): Promise<ComparedMetric[]> {
  const task = knownTask(name, protocol);
  const metrics = Object.keys(scores?.metrics ?? {});
  const isMean = (metric: string) =>
    (scores?.stderr[metric] !== undefined || task === undefined) &&
    pairs.every(({ scored }) => scored.every((answer) => answer.scores[metric] !== undefined));
  const means = metrics.filter(isMean).map((metric): ComparedMetric => {
    const values = ([0, 1] as const).map((i) => pairs.map(({ scored }) => scored[i].scores[metric] ?? 0));
    const scale = scaleOf(scores?.metrics[metric], values[0] ?? []);
    const [one = 0, other = 0] = values.map(
      (list) => (list.reduce((sum, value) => sum + value, 0) / list.length) * scale,
    );
    const { interval } = pairedBootstrap(values[1] ?? [], values[0] ?? [], { samples, seed });
    const scaled = [interval[0] * scale, interval[1] * scale] as const;
    return { metric, first: one, second: other, difference: other - one, interval: scaled };
  });
  const rest = metrics.filter((metric) => !isMean(metric));
  const others = task === undefined || rest.length === 0 ? [] : await resampled(task, rest, pairs, { samples, seed });
  return metrics.flatMap((metric) => [...means, ...others].find((one) => one.metric === metric) ?? []);
}

/** Some tasks count to a hundred. */
const scaleOf = (total: number | null | undefined, values: readonly number[]): number =>
  (total ?? 0) > 1 && values.every((value) => value >= 0 && value <= 1) ? 100 : 1;

function knownTask(name: string, protocol: string): Task | undefined {
  try {
    return findTask(
      name,
      protocols.find((one) => one === protocol),
    ).task;
  } catch {
    return undefined; // a task of the user's own: its metric is a mean
  }
}

/** Figures that are no means: the task itself adds them up, for every draw. What counts together is drawn together. */
async function resampled(
  task: Task,
  metrics: readonly string[],
  pairs: readonly Pair[],
  { samples, seed }: { samples: number; seed: number },
): Promise<ComparedMetric[]> {
  const groups = [...groupBy(pairs, ({ together }) => together).values()];
  const of = async (drawn: readonly Pair[][], run: 0 | 1) => {
    const answers = drawn.flatMap((group, number) =>
      group.map(({ scored }) => task.copy?.(scored[run], number) ?? scored[run]),
    );
    return (await task.aggregate(answers)).metrics;
  };
  const both = async (drawn: readonly Pair[][]) => [await of(drawn, 0), await of(drawn, 1)] as const;
  const [one, other] = await both(groups);
  const random = rng("compare", seed, task.name);
  const draws: (readonly [Record<string, number | null>, Record<string, number | null>])[] = [];
  for (let i = 0; i < samples; i++) {
    const drawn = groups.map(() => groups[random.below(groups.length)] ?? []);
    draws.push(await both(drawn));
  }
  return metrics.map((metric) => {
    const [first = null, second = null] = [one[metric], other[metric]];
    const differences = draws.map(([a, b]) => less(b[metric], a[metric]));
    return { metric, first, second, difference: less(second, first), interval: middle(differences) };
  });
}

const less = (a: number | null | undefined, b: number | null | undefined): number | null =>
  a === null || b === null || a === undefined || b === undefined ? null : a - b;

/** The middle 95 %. */
function middle(values: readonly (number | null)[]): readonly [number, number] | null {
  const known = values.filter((value) => value !== null).sort((a, b) => a - b);
  const at = (share: number) => known[Math.min(known.length - 1, Math.floor(share * known.length))];
  const [low, high] = [at(0.025), at(0.975)];
  return known.length < values.length || low === undefined || high === undefined ? null : [low, high];
}
