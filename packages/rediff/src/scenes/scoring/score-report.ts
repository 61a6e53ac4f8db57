/** Scores as text and as one JSON line. */
import type { RepairScores } from "./repairs.js";
import { type compareAll, type Figure, figures, type Interval, type Scores } from "./score.js";

export interface ScoreReport {
  scores: Scores;
  /** Pictures without a prediction. */
  missing: number;
  against?: ReturnType<typeof compareAll> | undefined;
  repairs?: RepairScores | undefined;
}

/** Figures at the top level; null where nothing could be measured. */
export function scoreJson({ scores, missing, against, repairs }: ScoreReport): Record<string, unknown> {
  const rounded = (value: number | null) => (value === null ? null : Number(value.toFixed(6)));
  const ranges = (intervals: Record<string, Interval | null>) =>
    Object.fromEntries(Object.entries(intervals).map(([key, range]) => [key, range?.map(rounded) ?? null]));
  const values = (of: Record<Figure, number | null>) =>
    Object.fromEntries(figures.map((key) => [key, rounded(of[key])]));
  return {
    pictures: scores.pictures,
    missing,
    ...values(scores.values),
    reachable: rounded(scores.reachable),
    intervals: ranges(scores.intervals),
    ...(against && { against: { ...values(against.values), intervals: ranges(against.intervals) } }),
    ...(repairs && {
      repairs: {
        errors: repairs.errors,
        detected: rounded(repairs.detected),
        repaired: rounded(repairs.repaired),
        right: repairs.right,
        false_edits: rounded(repairs.falseEdits),
        by_kind: repairs.byKind,
        intervals: {
          detected: repairs.intervals.detected,
          repaired: repairs.intervals.repaired,
          false_edits: repairs.intervals.falseEdits,
        },
      },
    }),
  };
}

export function scoreText({ scores, missing, against, repairs }: ScoreReport): string {
  const lines = [`${scores.pictures} pictures${missing > 0 ? `, ${missing} without a prediction` : ""}`, ""];
  for (const figure of figures) {
    const own = cell(scores.values[figure], scores.intervals[figure]);
    const difference = against === undefined ? "" : `   ${signed(against.values[figure], against.intervals[figure])}`;
    lines.push(`${figure.padEnd(12)}${own}${difference}`.trimEnd());
  }
  if (scores.reachable < 1) {
    lines.push("", `edits are of the ${percent(scores.reachable)} that a true caption of the same length exists for`);
  }
  if (repairs !== undefined) {
    const { intervals } = repairs;
    lines.push("", `${repairs.errors} captions with an error, ${repairs.right} without`, "");
    lines.push(`${"detected".padEnd(12)}${cell(repairs.detected, intervals.detected)}`);
    lines.push(`${"repaired".padEnd(12)}${cell(repairs.repaired, intervals.repaired)}`);
    for (const [kind, { errors, detected, repaired }] of Object.entries(repairs.byKind)) {
      lines.push(`  ${kind.padEnd(12)}${percent(detected)} detected, ${percent(repaired)} repaired, of ${errors}`);
    }
    lines.push(`${"false edits".padEnd(12)}${cell(repairs.falseEdits, intervals.falseEdits)}`);
  }
  return lines.map((line) => line.trimEnd()).join("\n");
}

const number = (value: number): string => value.toFixed(3);
const percent = (value: number): string => `${(100 * value).toFixed(1)} %`;

function cell(value: number | null, range: Interval | null): string {
  if (value === null) return "-".padEnd(24);
  const around = range === null ? "" : `  (${number(range[0])} to ${number(range[1])})`;
  return `${number(value)}${around}`.padEnd(24);
}

function signed(value: number | null, range: Interval | null): string {
  const sign = (one: number) => `${one < 0 ? "" : "+"}${number(one)}`;
  if (value === null) return "";
  return `${sign(value)}${range === null ? "" : `  (${sign(range[0])} to ${sign(range[1])})`}`;
}
