/** The demo's figures as Markdown. */
import type { RepairScores } from "../scenes/scoring/repairs.js";
import type { compareAll, Figure, Interval, Scores } from "../scenes/scoring/score.js";
import { type Stage, speeds } from "./asked/caption-grid.js";
import { type QuestionScores, questionTasks } from "./asked/question-figures.js";
import type { LossComparison } from "./speed-losses.js";

const summarySpeeds = [1, 4, 8];

export interface ScoredCell {
  stage: string;
  tokensPerStep: number;
  revise: boolean;
  scores: Scores;
}

/** Each stage as it is meant to be used, ReDiff's revising. */
export function summaryTable(
  stages: readonly Stage[],
  cells: readonly ScoredCell[],
  figures: readonly Figure[],
): string {
  const rows = summarySpeeds.flatMap((speed) =>
    stages.map((stage) => {
      const cell = cells.find(
        (one) => one.stage === stage.key && one.tokensPerStep === speed && one.revise === stage.revises,
      );
      const values = figures.map((figure) =>
        withInterval(cell?.scores.values[figure] ?? null, cell?.scores.intervals[figure] ?? null),
      );
      return `| ${speed} | ${stage.title}${stage.revises ? ", revising" : ""} | ${values.join(" | ")} |`;
    }),
  );
  return [
    `| tokens per step | | ${figures.join(" | ")} |`,
    `| --- | --- | ${figures.map(() => "---").join(" | ")} |`,
    ...rows,
  ].join("\n");
}

/** One table for a figure: a line for each stage, with and without revising, a column for each speed. */
export function figureTable(stages: readonly Stage[], cells: readonly ScoredCell[], figure: Figure): string {
  const head = `| ${figure} | revise | ${speeds.map((speed) => `${speed} / step`).join(" | ")} |`;
  const rule = `| --- | --- | ${speeds.map(() => "---").join(" | ")} |`;
  const rows = stages.flatMap(({ key, title }) =>
    [false, true].map((revise) => {
      const values = speeds.map((speed) => {
        const cell = cells.find((one) => one.stage === key && one.tokensPerStep === speed && one.revise === revise);
        return withInterval(cell?.scores.values[figure] ?? null, cell?.scores.intervals[figure] ?? null);
      });
      return `| ${title} | ${revise ? "yes" : "no"} | ${values.join(" | ")} |`;
    }),
  );
  return [head, rule, ...rows].join("\n");
}

export function withInterval(value: number | null, range: Interval | null): string {
  if (value === null) return "-";
  return range === null ? value.toFixed(3) : `${value.toFixed(3)} (${range[0].toFixed(2)}-${range[1].toFixed(2)})`;
}

export interface LossLine {
  figure: Figure;
  tokensPerStep: number;
  title: string;
  comparison: LossComparison;
}

/** What several tokens per step cost against one, beside what they cost the reference. */
export function lossTable(lines: readonly LossLine[]): string {
  return [
    "| figure | tokens per step | stage | loses | LLaDA-V objective loses | own loss less a third of that |",
    "| --- | --- | --- | --- | --- | --- |",
    ...lines.map(({ figure, tokensPerStep, title, comparison: { own, reference, margin, interval } }) => {
      const range = interval === null ? "" : ` (${signed(interval[0])} to ${signed(interval[1])})`;
      return `| ${figure} | ${tokensPerStep} | ${title} | ${own.toFixed(3)} | ${reference.toFixed(3)} | ${signed(margin)}${range} |`;
    }),
  ].join("\n");
}

function withRange(value: number | null, range: Interval | null): string {
  const within = range === null ? "" : ` (${signed(range[0])} to ${signed(range[1])})`;
  return value === null ? "-" : `${signed(value)}${within}`;
}

const signed = (value: number): string => `${value < 0 ? "" : "+"}${value.toFixed(3)}`;

export interface GainLine {
  tokensPerStep: number;
  /** Ours less theirs, pictures resampled together. */
  difference: ReturnType<typeof compareAll>;
}

/** What one stage adds to another. */
export function gainTable(lines: readonly GainLine[], figures: readonly Figure[]): string {
  return [
    `| tokens per step | ${figures.join(" | ")} |`,
    `| --- | ${figures.map(() => "---").join(" | ")} |`,
    ...lines.map(({ tokensPerStep, difference: { values, intervals } }) => {
      const cells = figures.map((figure) => {
        return withRange(values[figure], intervals[figure]);
      });
      return `| ${tokensPerStep} | ${cells.join(" | ")} |`;
    }),
  ].join("\n");
}

/** What each round of the loop adds to the one before it, in captions without any error. */
export function roundTable(lines: readonly (GainLine & { round: number })[]): string {
  const fast = [...new Set(lines.map(({ tokensPerStep }) => tokensPerStep))];
  return [
    `| exact | ${fast.map((speed) => `${speed} / step`).join(" | ")} |`,
    `| --- | ${fast.map(() => "---").join(" | ")} |`,
    ...[...new Set(lines.map(({ round }) => round))].map((round) => {
      const cells = fast.map((speed) => {
        const line = lines.find((one) => one.round === round && one.tokensPerStep === speed);
        return line === undefined ? "-" : withRange(line.difference.values.exact, line.difference.intervals.exact);
      });
      return `| round ${round} less ${round === 1 ? "stage I" : `round ${round - 1}`} | ${cells.join(" | ")} |`;
    }),
  ].join("\n");
}

/** Scores of one kind of scenes that the model was not trained on. */
export interface Elsewhere {
  title: string;
  scores: Scores;
}

export function elsewhereTable(lines: readonly Elsewhere[], figures: readonly Figure[]): string {
  return [
    `| 1 token per step | ${figures.join(" | ")} |`,
    `| --- | ${figures.map(() => "---").join(" | ")} |`,
    ...lines.map(
      ({ title, scores }) =>
        `| ${title} | ${figures.map((figure) => withInterval(scores.values[figure], scores.intervals[figure])).join(" | ")} |`,
    ),
  ].join("\n");
}

export interface RefiningLine {
  title: string;
  scores: RepairScores;
}

export function refiningTable(lines: readonly RefiningLine[]): string {
  const kinds = [...new Set(lines.flatMap(({ scores }) => Object.keys(scores.byKind)))].sort();
  return [
    `| | detected | repaired | ${kinds.map((kind) => `${kind}`).join(" | ")} | right captions changed |`,
    `| --- | --- | --- | ${kinds.map(() => "---").join(" | ")} | --- |`,
    ...lines.map(({ title, scores }) => {
      const { intervals } = scores;
      const own = kinds.map((kind) => scores.byKind[kind]?.repaired.toFixed(3) ?? "-");
      return `| ${title} | ${withInterval(scores.detected, intervals.detected)} | ${withInterval(scores.repaired, intervals.repaired)} | ${own.join(" | ")} | ${withInterval(scores.falseEdits, intervals.falseEdits)} |`;
    }),
  ].join("\n");
}

export interface QuestionLine {
  title: string;
  scores: QuestionScores;
}

/** A line for each model, a column for each kind of question. */
export function questionTable(lines: readonly QuestionLine[]): string {
  return [
    `| right answers | ${questionTasks.join(" | ")} |`,
    `| --- | ${questionTasks.map(() => "---").join(" | ")} |`,
    ...lines.map(({ title, scores }) => {
      const values = questionTasks.map((task) => withInterval(scores[task].right, scores[task].interval));
      return `| ${title} | ${values.join(" | ")} |`;
    }),
  ].join("\n");
}
