/** Quality by round: what each round drafted, what the expert said, what was learnt, and how good the model was then. */
import type { Figure } from "../../scenes/scoring/score.js";
import type { ImproveKeys, Measure } from "./improve-recipe.js";
import { modelAfter } from "./loop-folders.js";
import type { ShownRound } from "./loop-progress.js";
import type { LoopState, RoundState } from "./loop-state.js";

/** The names are those of report.json. */
export interface ImproveReport {
  output: string;
  /** The model of the last round that was trained. */
  model: string;
  /** Rounds asked for. */
  rounds_asked: number;
  /** Why the loop ended before; null when it did not. */
  stopped: string | null;
  /** Round 0 is the model that the loop began with. */
  rounds: RoundReport[];
  /** Of the expert's answers; null without prices. */
  cost: number | null;
}

export interface RoundReport extends RoundState {
  round: number;
  /** At the end of the round. */
  model: string;
}

export function reportOf(recipe: ImproveKeys, state: LoopState, stopped: string | null): ImproveReport {
  const rounds: RoundReport[] = [];
  let trained = 0;
  for (let round = 0; round <= recipe.rounds; round++) {
    const done = state.round(round);
    if (Object.keys(done).length === 0) continue;
    if (done.train !== undefined) trained = round;
    rounds.push({ round, model: modelAfter(recipe, trained), ...done });
  }
  const costs = rounds.flatMap(costsOf);
  return {
    output: recipe.output,
    model: modelAfter(recipe, trained),
    rounds_asked: recipe.rounds,
    stopped,
    rounds,
    cost: costs.length === 0 ? null : Number(costs.reduce((sum, cost) => sum + cost, 0).toFixed(8)),
  };
}

/** Of all ledgers of a round; what was brought along from elsewhere cost nothing there. */
function costsOf({ correct, evaluate }: RoundState): number[] {
  const reports = [correct, ...(evaluate?.decoding.map(({ expert }) => expert?.report) ?? [])];
  return reports.flatMap((report) => (report?.total.cost == null ? [] : [report.total.cost]));
}

type Row = (string | number)[];

/** Figures of scenes in the table; the others are in report.json. */
const FIGURES: readonly Figure[] = ["coverage", "precision", "position", "count", "grammar", "exact"];

export function reportText(report: ImproveReport): string {
  const { rounds, stopped, model, cost } = report;
  const lines = [...roundTables(rounds), "", `The model: ${model}`];
  if (cost !== null) lines.push(`The expert cost ${money(cost)}.`);
  if (stopped !== null) lines.push(stopped);
  return lines.join("\n");
}

/** Two tables: how good the models are, and what the rounds were. */
export const roundTables = (rounds: readonly ShownRound[]): string[] => [
  ...qualityTable(rounds),
  "",
  ...workTable(rounds),
];

function qualityTable(rounds: readonly ShownRound[]): string[] {
  const evaluated = rounds.filter(({ evaluate }) => evaluate !== undefined);
  const [first] = evaluated;
  if (first?.evaluate === undefined) return ["Nothing was measured: the recipe has no evaluate."];
  const { measures } = first.evaluate;
  const has = (measure: Measure) => measures.includes(measure);
  const head = [
    "round",
    ...(has("scenes") || has("expert") ? ["steps"] : []),
    ...(has("scenes") ? FIGURES : []),
    ...(has("expert") ? ["found right", "edits per draft"] : []),
    ...(has("loss") ? ["held-out loss"] : []),
  ];
  const rows = evaluated.flatMap(({ round, evaluate }): Row[] => {
    const loss = has("loss") ? [figure(evaluate?.loss?.loss ?? null)] : [];
    const decoding = evaluate?.decoding ?? [];
    if (decoding.length === 0) return [[round, ...loss]];
    return decoding.map(({ steps, scenes, expert }, i) => [
      round,
      steps,
      ...(has("scenes") ? FIGURES.map((name) => figure(scenes?.values[name] ?? null)) : []),
      ...(has("expert") ? [percent(expert?.right ?? null), figure(expert?.edits ?? null)] : []),
      ...(has("loss") ? (i === 0 ? loss : [""]) : []),
    ]);
  });
  return table(head, rows);
}

function workTable(rounds: readonly ShownRound[]): string[] {
  const head = ["round", "drafts", "found right", "corrected", "pairs kept", "learnt from", "extra", "updates", "loss"];
  const rows = rounds
    .filter(({ draft }) => draft !== undefined)
    .map(({ round, draft, correct, select, train }): Row => {
      const { right = 0, corrected = 0 } = correct?.total ?? {};
      const pairs = select === undefined ? "" : `${select.pairs.kept} of ${select.pairs.total}`;
      return [
        round,
        draft?.drafts ?? "",
        percent(right + corrected === 0 ? null : right / (right + corrected)),
        correct === undefined ? "" : corrected,
        pairs,
        train?.corrections ?? select?.kept ?? "",
        train?.extra ?? "",
        train?.steps ?? "",
        figure(train?.loss ?? null),
      ];
    });
  return table(head, rows);
}

/** A table of Markdown that can be read as it is. */
function table(head: readonly string[], rows: readonly Row[]): string[] {
  const texts = rows.map((row) => row.map(String));
  const widths = head.map((name, i) => Math.max(name.length, ...texts.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, i) => cell.padStart(widths[i] ?? 0)).join(" | ")} |`;
  return [line(head), `| ${widths.map((width) => `${"-".repeat(width - 1)}:`).join(" | ")} |`, ...texts.map(line)];
}

const figure = (value: number | null): string => (value === null ? "-" : value.toFixed(3));
const percent = (value: number | null): string => (value === null ? "-" : `${(100 * value).toFixed(1)}%`);
const money = (amount: number): string => amount.toFixed(amount < 1 ? 4 : 2);

export const reportMarkdown = (report: ImproveReport): string =>
  `# Quality by round\n\n${reportText(report)}\n\nAll figures, with intervals: report.json.\n`;
