/** Goals for the figures of a run: which were reached. They are told to who measures, and are no part of the documents. */
import { z } from "zod";
import { UserError } from "../../errors.js";
import type { Interval } from "../../scenes/scoring/score.js";
import type { Measured } from "./measured.js";

const goalsSchema = z.record(
  z.string(),
  z.strictObject({
    least: z.number().optional(),
    most: z.number().optional(),
    /** The whole interval has to reach it. */
    beyond_doubt: z.boolean().default(false),
  }),
);
export type Goals = z.infer<typeof goalsSchema>;

interface NamedFigure {
  value: number;
  interval: Interval | null;
}

/** Every figure by a name, such as style.rediff.coverage. */
export function namedFigures(measured: Measured): Map<string, NamedFigure> {
  const figures = new Map<string, NamedFigure>();
  const add = (name: string, value: number | null | undefined, interval: Interval | null = null) => {
    if (value !== null && value !== undefined) figures.set(name, { value, interval });
  };
  const addAll = (
    name: string,
    { values, intervals }: { values: Record<string, number | null>; intervals: Record<string, Interval | null> },
  ) => {
    for (const [figure, value] of Object.entries(values)) add(`${name}.${figure}`, value, intervals[figure]);
  };
  const revises = new Map(measured.stages.map((stage) => [stage.key, stage.revises]));
  for (const { stage, tokensPerStep, revise, scores } of measured.scored)
    if (revise === revises.get(stage)) addAll(`caption.${stage}.${tokensPerStep}`, scores);
  for (const { stage, kind, scores } of measured.elsewhere) addAll(`${kind}.${stage}`, scores);
  for (const { tokensPerStep, difference } of measured.gains) addAll(`gain.${tokensPerStep}`, difference);
  for (const { round, tokensPerStep, difference } of measured.rounds)
    addAll(`round.${round}.${tokensPerStep}`, difference);
  for (const { stage, tokensPerStep, figure, comparison } of measured.losses)
    add(`loss.${stage}.${tokensPerStep}.${figure}`, comparison.margin, comparison.interval);
  const repairs = { refine: measured.refining, two_errors: measured.two, foreign: measured.foreign };
  for (const [name, lines] of Object.entries(repairs)) {
    for (const { stage, scores, ...line } of lines) {
      if ("threshold" in line && line.threshold !== measured.threshold) continue;
      const { detected, repaired, falseEdits } = scores.intervals;
      add(`${name}.${stage}.detected`, scores.detected, detected);
      add(`${name}.${stage}.repaired`, scores.repaired, repaired);
      add(`${name}.${stage}.false_edits`, scores.falseEdits, falseEdits);
    }
  }
  for (const { stage, scores } of measured.asked)
    for (const [task, { right, interval }] of Object.entries(scores))
      add(`questions.${stage}.${task}`, right, interval);
  return figures;
}

/** @throws UserError where it is no such file */
export function parseGoals(text: string): Goals {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UserError("the goals are no JSON", FORMAT);
  }
  const { data } = goalsSchema.safeParse(value);
  if (data === undefined) throw new UserError("the goals cannot be read", FORMAT);
  return data;
}

const FORMAT = 'A file of goals has lines such as {"style.rediff.coverage": {"least": 0.9}}.';

/** A line for each goal.
 *  @throws UserError where a goal is for a figure that was not measured */
export function goalLines(goals: Goals, measured: Measured): string[] {
  const figures = namedFigures(measured);
  return Object.entries(goals).map(([name, { least, most, beyond_doubt }]) => {
    const figure = figures.get(name);
    if (figure === undefined)
      throw new UserError(`no figure ${name} was measured`, `The figures are ${[...figures.keys()].join(", ")}.`);
    const { value, interval } = figure;
    const [low, high] = beyond_doubt && interval !== null ? interval : [value, value];
    const isReached = (least === undefined || low >= least) && (most === undefined || high <= most);
    const range = interval === null ? "" : ` (${interval[0].toFixed(3)} to ${interval[1].toFixed(3)})`;
    const wanted = [
      ...(least === undefined ? [] : [`at least ${least}`]),
      ...(most === undefined ? [] : [`at most ${most}`]),
      ...(beyond_doubt ? ["beyond doubt"] : []),
    ];
    return `${isReached ? "reached    " : "NOT reached"} ${name} ${value.toFixed(3)}${range}, wanted ${wanted.join(", ")}`;
  });
}
