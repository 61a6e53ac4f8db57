/** Runs beside each other, at the same steps. */
import { figure } from "../../training/curves/loss-chart.js";
import { type ComparedRow, compareLosses } from "../../training/watch/compare-losses.js";
import type { RunHistory } from "../../training/watch/run-history.js";
import type { PaintedLine, Span } from "./painted-line.js";

export interface ComparedRun {
  folder: string;
  history: RunHistory;
}

/** Signs of a folder's name at most. */
const NAME_WIDTH = 22;

/** Two tables: the losses of training, and those on held-out data. @param rows of each at most */
export function comparisonLines(runs: readonly ComparedRun[], rows: number): PaintedLine[] {
  const { training, heldOut } = compareLosses(
    runs.map(({ history }) => history),
    rows,
  );
  const names = runs.map(({ folder }) => shortName(folder));
  return [
    ...table("mean loss since the row before (and its difference to the first run's)", names, training),
    ...table("held-out loss", names, heldOut),
  ];
}

function table(title: string, names: readonly string[], rows: readonly ComparedRow[]): PaintedLine[] {
  if (rows.length === 0) return [];
  const cells = rows.map(({ step, losses }) => [
    String(step),
    ...losses.map((loss, i) => cell(loss, losses[0], i > 0)),
  ]);
  const head = ["step", ...names];
  const widths = head.map((name, i) => Math.max(name.length, ...cells.map((row) => row[i]?.length ?? 0)));
  const line = (row: readonly string[], isHead: boolean): PaintedLine =>
    row.map(
      (text, i): Span => ({
        text: `${" ".repeat(i === 0 ? 2 : 3)}${text.padStart(widths[i] ?? 0)}`,
        ...(isHead && i > 0 && { paint: i - 1 }),
      }),
    );
  return [[], [{ text: title }], line(head, true), ...cells.map((row) => line(row, false))];
}

function cell(loss: number | undefined, first: number | undefined, isOther: boolean): string {
  if (loss === undefined) return "-";
  if (!isOther || first === undefined) return figure(loss);
  const difference = loss - first;
  return `${figure(loss)} (${difference < 0 ? "-" : "+"}${Math.abs(difference).toFixed(4)})`;
}

/** The end of it, where runs differ. */
const shortName = (folder: string): string =>
  folder.length <= NAME_WIDTH ? folder : `...${folder.slice(3 - NAME_WIDTH)}`;
