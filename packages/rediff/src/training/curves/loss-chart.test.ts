import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { lineChart } from "./line-chart.js";
import { lossChart, plainLine } from "./loss-chart.js";
import { LossCurve, type LossPoint, meanBetween, smoothed } from "./loss-curve.js";

const curve = (...points: [step: number, loss: number][]): LossPoint[] =>
  points.map(([step, loss]) => ({ step, loss }));

describe("a chart", () => {
  test("connects the points of a line, lowest below", () => {
    const line = [
      { x: 0, y: 1 },
      { x: 7, y: 0 },
    ];
    const rows = lineChart([line], { columns: 4, rows: 1, x: [0, 7], y: [0, 1] });
    expect(rows.map((cells) => cells.map(({ sign }) => sign).join(""))).toEqual(["\u2809\u2812\u2824\u28c0"]);
    expect(rows[0]?.every(({ line }) => line === 0)).toBe(true);
  });

  test("has an axis of losses and one of steps, over the same steps for all runs", () => {
    const lines = lossChart([curve([10, 1], [1000, 0.5]), curve([500, 0.25], [900, 0.125])], { width: 30, height: 4 });
    expect(lines.map(plainLine)).toEqual([
      `1.0000 \u2524${"\u2809".repeat(4)}${"\u2812".repeat(7)}${"\u2824".repeat(7)}${"\u28c0".repeat(4)}`,
      "       \u2502",
      `0.1875 \u2524          \u2820${"\u2824".repeat(4)}${"\u28c0".repeat(5)}`,
      "       \u2514step 10           1000",
    ]);
    expect(lines.every((line) => plainLine(line).length <= 30)).toBe(true);
    expect(lines[2]?.cells.find(({ sign }) => sign === "\u2820")?.line).toBe(1);
  });

  test("of losses that differ twentyfold is logarithmic, and says so", () => {
    const fallen = Array.from({ length: 30 }, (_, i) => ({ step: i + 1, loss: i === 0 ? 10 : 0.001 }));
    const text = lossChart([fallen], { width: 60, height: 5 }).map(plainLine);
    expect(text.at(-1)).toContain("loss on a logarithmic scale");
    expect(
      lossChart([curve([1, 10], [2, 9])], { width: 60, height: 5 })
        .map(plainLine)
        .join(""),
    ).not.toContain("scale");
  });

  test("is none where there is nothing to connect", () => {
    expect(lossChart([[]], { width: 30, height: 4 })).toEqual([]);
    expect(lossChart([curve([1, 1])], { width: 30, height: 4 })).toEqual([]);
  });

  test("whatever the losses, it has its size", () => {
    const losses = fc.array(fc.float({ noDefaultInfinity: true, noNaN: true }), { minLength: 2, maxLength: 300 });
    fc.assert(
      fc.property(
        losses,
        fc.integer({ min: 20, max: 90 }),
        fc.integer({ min: 2, max: 12 }),
        (values, width, height) => {
          const points = values.map((loss, i) => ({ step: i + 1, loss }));
          const text = lossChart([points], { width, height }).map(plainLine);
          expect(text).toHaveLength(height);
          expect(text.join("")).not.toMatch(/NaN|undefined/);
          const edge = text.map((line) => line.search(/[\u2502\u2524\u2514]/));
          expect(new Set(edge).size).toBe(1);
          // Figures of 10^38 are wider than any chart of losses.
          for (const line of text) expect(line.length).toBeLessThanOrEqual(Math.max(width, (edge[0] ?? 0) + 3));
        },
      ),
    );
  });
});

describe("a curve", () => {
  test("of a run that takes steps again has the later ones", () => {
    const losses = new LossCurve();
    for (const step of [1, 2, 3, 4, 5]) losses.add(step, step);
    losses.add(3, 30);
    losses.add(4, Number.NaN);
    losses.add(5, 50);
    expect(losses.points).toEqual(curve([1, 1], [2, 2], [3, 30], [5, 50]));
  });

  test("of a long run is short, and has its means", () => {
    const losses = new LossCurve();
    for (let step = 1; step <= 100_000; step++) losses.add(step, step / 100_000);
    expect(losses.points.length).toBeLessThan(8192);
    expect(losses.points.length).toBeGreaterThan(4000);
    expect(meanBetween(losses.points, 0, 100_000)).toBeCloseTo(0.5, 3);
    losses.add(50_001, 1);
    expect(losses.points.at(-1)?.step).toBeLessThanOrEqual(50_000);
  });

  test("is smoothed over a twenty-fifth of its steps, and over five points at least", () => {
    const long = smoothed(Array.from({ length: 1000 }, (_, i) => ({ step: i, loss: i % 2 })));
    for (const { loss } of long.slice(100)) expect(loss).toBeCloseTo(0.5, 1);
    expect(smoothed(curve([1, 1], [2, 3], [3, 5]))).toEqual(curve([1, 1], [2, 2], [3, 3]));
    expect(smoothed(curve([1, 6], [2, 1], [3, 1], [4, 1], [5, 1], [6, 1])).at(-1)).toEqual({ step: 6, loss: 1 });
  });
});
