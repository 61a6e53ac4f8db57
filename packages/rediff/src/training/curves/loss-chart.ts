/** Losses over steps as a chart of text, with an axis at its left and one below it. */
import { type Cell, lineChart } from "./line-chart.js";
import { type LossPoint, smoothed } from "./loss-curve.js";

export interface ChartSize {
  /** Signs in a line, and lines; both axes included. */
  width: number;
  height: number;
  /** Runs that are drawn elsewhere over the same axes; default those that are given. */
  among?: readonly (readonly LossPoint[])[];
}

export interface ChartLine {
  /** The axis. */
  label: string;
  cells: Cell[];
}

/** The first losses of a training from nothing may be so many times its last ones. */
const LOGARITHMIC_FROM = 20;

/** One line for each run, smoothed, over the same axes. @returns none where there are not two points to connect */
export function lossChart(curves: readonly (readonly LossPoint[])[], size: ChartSize): ChartLine[] {
  const { width, height, among = curves } = size;
  const lines = curves.map(smoothed);
  const all = among === curves ? lines.flat() : among.flatMap(smoothed);
  if (all.length < 2) return [];
  const [low, high] = range(all.map(({ loss }) => loss));
  const [first, last] = range(all.map(({ step }) => step));
  const isLogarithmic = low > 0 && high / low >= LOGARITHMIC_FROM;
  const scale = isLogarithmic ? Math.log : (loss: number) => loss;
  const [top, bottom] = [figure(high), figure(low)];
  const edge = Math.max(top.length, bottom.length);
  const [columns, rows] = [Math.max(2, width - edge - 2), Math.max(1, height - 1)];
  const cells = lineChart(
    lines.map((points) => points.map(({ step, loss }) => ({ x: step, y: scale(loss) }))),
    { columns, rows, x: [first, last], y: [scale(low), scale(high)] },
  );
  const labelOf = (row: number) => (row === 0 ? top : row === rows - 1 ? bottom : "");
  const begin = `step ${first}${isLogarithmic ? ", loss on a logarithmic scale" : ""}`;
  const below = `${begin.padEnd(columns - String(last).length - 1)} ${last}`.slice(0, columns);
  return [
    ...cells.map((row, i) => ({
      label: `${labelOf(i).padStart(edge)} ${labelOf(i) === "" ? "\u2502" : "\u2524"}`,
      cells: row,
    })),
    { label: `${" ".repeat(edge)} \u2514`, cells: [...below].map((sign) => ({ sign, line: undefined })) },
  ];
}

/** Without colours. */
export const plainLine = ({ label, cells }: ChartLine): string =>
  `${label}${cells.map(({ sign }) => sign).join("")}`.trimEnd();

/** Math.min takes no list of ten thousands. */
function range(values: readonly number[]): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
  return [low, high];
}

/** Four digits that count, as losses are told elsewhere. */
export const figure = (value: number): string =>
  Math.abs(value) >= 0.01 || value === 0 ? value.toFixed(value >= 100 ? 1 : 4) : value.toExponential(2);
