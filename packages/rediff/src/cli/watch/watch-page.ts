/** All that is watched, as lines for a terminal or a file of a given size. */
import { roundTables } from "../../pipeline/improve/improve-report.js";
import { lossChart } from "../../training/curves/loss-chart.js";
import { comparisonLines } from "./comparison-lines.js";
import type { PaintedLine, Span } from "./painted-line.js";
import { runLines } from "./run-lines.js";
import type { RunSight, Sight } from "./watched.js";

export interface PageSize {
  width: number;
  /** Lines that there is room for; undefined where they may be as many as they are. */
  height?: number | undefined;
  /** Whether two lines of a chart can be told from each other by their colours. */
  isColoured: boolean;
}

const CHART = { least: 6, most: 16, usual: 12 };
const CHART_WIDTH = 120;
const TABLE_ROWS = { usual: 8, few: 4 };
/** Lines of a terminal from which on the tables have all of their rows. */
const TALL = 44;

/** @param now milliseconds since 1970 */
export function watchPage(sights: readonly Sight[], size: PageSize, now: number): PaintedLine[] {
  const { height } = size;
  const runs = sights.flatMap(({ run }) => run ?? []);
  const isMany = runs.length > 1;
  const above = sights.flatMap((sight, i) => [
    ...(i > 0 ? [[]] : []),
    ...(sight.problem === undefined ? [] : [[{ text: sight.problem }]]),
    ...(sight.loop ? [loopLine(sight.loop)] : []),
    ...(sight.run ? runLines(sight.run.summary, isMany ? runs.indexOf(sight.run) : undefined, now) : []),
  ]);
  const rows = height === undefined || height >= TALL ? TABLE_ROWS.usual : TABLE_ROWS.few;
  const below = [
    ...(isMany ? comparisonLines(runs, rows) : []),
    ...sights.flatMap(({ loop }) => (loop ? roundLines(loop) : [])),
  ];
  const charts = isMany && !size.isColoured ? runs.length : 1;
  const room = height === undefined ? CHART.usual : Math.floor((height - above.length - below.length) / charts) - 1;
  const chartHeight = Math.min(CHART.most, Math.max(CHART.least, room));
  const lines = [...above, ...chartLines(runs, { ...size, height: chartHeight }), ...below];
  if (height === undefined || lines.length <= height) return lines;
  const more = `(${lines.length - height + 1} more lines: in a taller terminal, or with --once)`;
  return [...lines.slice(0, height - 1), [{ text: more, paint: "faint" }]];
}

type Loop = NonNullable<Sight["loop"]>;

function loopLine({ folder, isAtWork, done: { round, stages } }: Loop): PaintedLine {
  const done = stages.length === 0 ? "nothing of it is done yet" : `done of it: ${stages.join(", ")}`;
  return [{ text: `${folder}: ${isAtWork ? "at work" : "nobody is at work"}, round ${round}; ${done}` }];
}

function roundLines({ rounds }: Loop): PaintedLine[] {
  const lines = rounds.length === 0 ? [] : ["", ...roundTables(rounds)];
  return lines.map((text) => [{ text }]);
}

/** One chart of all runs, in colours; without them one for each, over the same axes. */
function chartLines(runs: readonly RunSight[], { width, height = CHART.usual, isColoured }: PageSize): PaintedLine[] {
  const curves = runs.map(({ history }) => history.curve.points);
  const size = { width: Math.min(width, CHART_WIDTH), height };
  if (isColoured || runs.length < 2) {
    const lines = lossChart(curves, size);
    return lines.length === 0
      ? []
      : [[], ...lines.map(({ label, cells }) => [{ text: label }, ...spans(cells, runs.length > 1)])];
  }
  return runs.flatMap(({ folder }, i): PaintedLine[] => {
    const lines = lossChart([curves[i] ?? []], { ...size, among: curves });
    const chart = lines.map(({ label, cells }): PaintedLine => [{ text: label }, ...spans(cells, false)]);
    return chart.length === 0 ? [] : [[], [{ text: folder }], ...chart];
  });
}

/** Signs beside each other of one colour are one piece of text. */
function spans(cells: readonly { sign: string; line: number | undefined }[], isColoured: boolean): Span[] {
  const found: Span[] = [];
  for (const { sign, line } of cells) {
    const paint = isColoured ? line : undefined;
    const last = found.at(-1);
    if (last !== undefined && last.paint === paint) last.text += sign;
    else found.push({ text: sign, paint });
  }
  return found;
}
