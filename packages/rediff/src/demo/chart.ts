/** A figure by tokens per step as a line chart in SVG, readable on white and on dark pages. */

import type { Figure } from "../scenes/scoring/score.js";
import { type Stage, speeds } from "./asked/caption-grid.js";
import type { ScoredCell } from "./table-text.js";

const width = 720;
const height = 380;
const plot = { left: 64, right: 450, top: 40, bottom: 320 };
/** Told apart by people who see few colours (Okabe and Ito). */
const colors = ["#0072b2", "#009e73", "#e69f00", "#d55e00"];

export interface Series {
  stage: Stage;
  revise: boolean;
}

export function chart(series: readonly Series[], cells: readonly ScoredCell[], figure: Figure, title: string): string {
  const x = (index: number) => plot.left + (index * (plot.right - plot.left)) / (speeds.length - 1);
  const y = (value: number) => plot.bottom - value * (plot.bottom - plot.top);
  const lines = [0, 0.2, 0.4, 0.6, 0.8, 1].map(
    (value) =>
      `<line x1="${plot.left}" x2="${plot.right}" y1="${y(value)}" y2="${y(value)}" stroke="#8884"/>` +
      text(plot.left - 8, y(value) + 4, value.toFixed(1), "end"),
  );
  const labels = speeds.map((speed, i) => text(x(i), plot.bottom + 20, String(speed), "middle"));
  const drawn = series.map(({ stage, revise }, number) => {
    const color = colors[number % colors.length] as string;
    const points = speeds.flatMap((speed, i) => {
      const cell = cells.find((one) => one.stage === stage.key && one.tokensPerStep === speed && one.revise === revise);
      const value = cell?.scores.values[figure] ?? undefined;
      return value === undefined ? [] : [{ x: x(i), y: y(value), range: cell?.scores.intervals[figure] }];
    });
    const path = points.map((point) => `${point.x.toFixed(1)},${point.y.toFixed(1)}`).join(" ");
    const bars = points.map(({ x: at, range }) =>
      range
        ? `<line x1="${at}" x2="${at}" y1="${y(range[0])}" y2="${y(range[1])}" stroke="${color}" opacity="0.5"/>`
        : "",
    );
    const dots = points.map((point) => `<circle cx="${point.x}" cy="${point.y}" r="4" fill="${color}"/>`);
    const row = plot.top + 16 + number * 24;
    const name = `${stage.title}${revise ? ", revising" : ""}`;
    const legend = `<circle cx="${plot.right + 22}" cy="${row - 4}" r="5" fill="${color}"/>${text(plot.right + 34, row, name)}`;
    return `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="2.5"/>${bars.join("")}${dots.join("")}${legend}`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" font-family="system-ui, sans-serif" font-size="13">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="${plot.left}" y="22" font-size="15" font-weight="600" fill="#222">${escaped(title)}</text>`,
    ...lines,
    ...labels,
    text((plot.left + plot.right) / 2, plot.bottom + 44, "tokens per step", "middle"),
    ...drawn,
    "</svg>",
    "",
  ].join("\n");
}

function text(x: number, y: number, value: string, anchor = "start"): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}" fill="#444">${escaped(value)}</text>`;
}

const escaped = (value: string): string => value.replace(/[<>&]/g, (sign) => `&#${sign.charCodeAt(0)};`);
