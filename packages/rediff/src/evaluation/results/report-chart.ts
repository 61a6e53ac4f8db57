/** A metric by tokens per step, as lines in SVG: what speed costs. */
import { escaped } from "./html-text.js";

export interface Curve {
  title: string;
  points: readonly { tokensPerStep: number; value: number; error?: number | undefined }[];
}

const width = 720;
const plot = { left: 56, right: 470, top: 20, bottom: 280 };
/** Told apart by people who see few colours (Okabe and Ito), on white and on black. */
const colors = ["#3b82d0", "#009e73", "#d98b00", "#d55e00", "#a35fa3"];
const dashes = ["", "6 4", "2 3", "10 4 2 4", "1 4"];

export function speedChart(metric: string, curves: readonly Curve[]): string {
  const speeds = [...new Set(curves.flatMap(({ points }) => points.map((point) => point.tokensPerStep)))].sort(
    (a, b) => a - b,
  );
  const values = curves.flatMap(({ points }) =>
    points.flatMap(({ value, error = 0 }) => [value + error, value - error]),
  );
  const [low, high] = range(values);
  const x = (speed: number) =>
    plot.left + (speeds.indexOf(speed) * (plot.right - plot.left)) / Math.max(1, speeds.length - 1);
  const y = (value: number) => plot.bottom - ((value - low) / (high - low)) * (plot.bottom - plot.top);
  const levels = [0, 1, 2, 3, 4].map((i) => low + ((high - low) * i) / 4);
  const grid = levels.map(
    (level) =>
      `<line x1="${plot.left}" x2="${plot.right}" y1="${round(y(level))}" y2="${round(y(level))}" stroke="#8884"/>` +
      label(plot.left - 8, y(level) + 4, Number(level.toPrecision(3)).toString(), "end"),
  );
  const axis = speeds.map((speed) => label(x(speed), plot.bottom + 20, String(Number(speed.toFixed(2))), "middle"));
  const lines = curves.map(({ title, points }, i) => {
    const color = colors[i % colors.length];
    const sorted = [...points].sort((a, b) => a.tokensPerStep - b.tokensPerStep);
    const path = sorted.map(({ tokensPerStep, value }) => `${round(x(tokensPerStep))},${round(y(value))}`).join(" ");
    const marks = sorted.map(({ tokensPerStep, value, error = 0 }) => {
      const at = round(x(tokensPerStep));
      const bar = `<line x1="${at}" x2="${at}" y1="${round(y(value - error))}" y2="${round(y(value + error))}" stroke="${color}" opacity="0.5"/>`;
      return `${bar}<circle cx="${at}" cy="${round(y(value))}" r="4" fill="${color}"/>`;
    });
    const row = plot.top + 12 + i * 22;
    const legend = `<line x1="${plot.right + 16}" x2="${plot.right + 40}" y1="${row - 4}" y2="${row - 4}" stroke="${color}" stroke-width="2.5" stroke-dasharray="${dashes[i % dashes.length]}"/>${label(plot.right + 46, row, title)}`;
    return `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="2.5" stroke-dasharray="${dashes[i % dashes.length]}"/>${marks.join("")}${legend}`;
  });
  return [
    `<svg viewBox="0 0 ${width} ${plot.bottom + 52}" role="img" aria-label="${escaped(`${metric} by tokens per step`)}">`,
    ...grid,
    ...axis,
    label((plot.left + plot.right) / 2, plot.bottom + 42, "tokens per step", "middle"),
    ...lines,
    "</svg>",
  ].join("\n");
}

/** From 0 where shares are shown, with some room. */
function range(values: readonly number[]): readonly [number, number] {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  if (least >= 0 && most <= 1) return [0, 1];
  const room = (most - least || Math.abs(most) || 1) * 0.1;
  return [least - room, most + room];
}

const round = (value: number): string => value.toFixed(1);
const label = (x: number, y: number, text: string, anchor = "start"): string =>
  `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}">${escaped(text)}</text>`;
