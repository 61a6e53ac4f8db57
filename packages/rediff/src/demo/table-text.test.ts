import { expect, test } from "vitest";
import { compareAll, scoreAll, scoreCaption } from "../scenes/scoring/score.js";
import type { Stage } from "./asked/caption-grid.js";
import { chart } from "./chart.js";
import {
  elsewhereTable,
  figureTable,
  gainTable,
  lossTable,
  refiningTable,
  summaryTable,
  withInterval,
} from "./table-text.js";

const facts = { objects: [{ name: "dog", count: 1, position: "top left" as const }], background: "red" };
const right = scoreCaption("a dog is at the top left. the background is red.", facts);
const wrong = scoreCaption("a cat is at the top left. the background is red.", facts);
const stages: Stage[] = [
  { key: "a", title: "First", folder: "a", revises: false },
  { key: "b", title: "Second <II>", folder: "b", revises: true },
];
const cells = stages.flatMap(({ key: stage }) =>
  [1, 8].map((tokensPerStep) => ({
    stage,
    tokensPerStep,
    revise: stage === "b",
    scores: scoreAll(tokensPerStep === 1 ? [right, right, right, right] : [right, wrong, wrong, wrong]),
  })),
);
/** Every line of a table has the same number of cells. */
const columns = (table: string) => new Set(table.split("\n").map((line) => line.split("|").length));

test("a figure: a line for each stage with and without revising, a dash where nothing was measured", () => {
  const table = figureTable(stages, cells, "coverage");
  const lines = table.split("\n");
  expect(columns(table).size).toBe(1);
  expect(lines).toHaveLength(6);
  expect(lines[2]).toMatch(/^\| First \| no \| 1\.000 \(1\.00-1\.00\) \| - \| - \| 0\.250 \(0\.00-/);
  expect(lines[3]).toBe("| First | yes | - | - | - | - | - |");
  expect(lines[5]).toMatch(/^\| Second <II> \| yes \| 1\.000/);
});

test("the summary has every stage as it is meant to be used", () => {
  const lines = summaryTable(stages, cells, ["coverage", "position"]).split("\n");
  expect(columns(lines.join("\n")).size).toBe(1);
  expect(lines.map((line) => line.split("|").slice(1, 3).join("").trim()).slice(2)).toEqual([
    "1  First",
    "1  Second <II>, revising",
    "4  First",
    "4  Second <II>, revising",
    "8  First",
    "8  Second <II>, revising",
  ]);
  expect(lines[2]).toMatch(/\| 1\.000 \(1\.00-1\.00\) \| 1\.000/);
  expect(lines[4]).toMatch(/\| - \| - \|$/);
});

test("a value with its interval, without one, and none", () => {
  expect(withInterval(0.5, [0.4, 0.6])).toBe("0.500 (0.40-0.60)");
  expect(withInterval(0.5, null)).toBe("0.500");
  expect(withInterval(null, null)).toBe("-");
});

test("losses and gains have signs", () => {
  const comparison = { reference: 0.6, own: 0.1, margin: -0.1, interval: [-0.2, 0.05] as const };
  const losses = lossTable([{ figure: "exact", tokensPerStep: 8, title: "Second", comparison }]);
  expect(columns(losses).size).toBe(1);
  expect(losses).toContain("| exact | 8 | Second | 0.100 | 0.600 | -0.100 (-0.200 to +0.050) |");

  const difference = compareAll([right, right], [wrong, wrong]);
  const gains = gainTable([{ tokensPerStep: 8, difference }], ["coverage", "position"]);
  expect(columns(gains).size).toBe(1);
  // Where they named nothing that is there, its place was not measured.
  expect(gains.split("\n")[2]).toBe("| 8 | +1.000 (+1.000 to +1.000) | - |");
});

test("other scenes, and what refine repairs by kind of error", () => {
  const others = elsewhereTable([{ title: "a style", scores: scoreAll([right, wrong]) }], ["coverage", "size"]);
  expect(columns(others).size).toBe(1);
  expect(others).toMatch(/\| a style \| 0\.500 \(0\.00-1\.00\) \| - \|$/);

  const intervals = { detected: null, repaired: null, falseEdits: null };
  const scores = { errors: 2, detected: 1, repaired: 0.5, right: 2, falseEdits: 0, intervals };
  const byKind = { object: { errors: 2, detected: 2, repaired: 0.5 } };
  const table = refiningTable([
    { title: "one", scores: { ...scores, byKind } },
    { title: "none", scores: { ...scores, byKind: {} } },
  ]);
  expect(columns(table).size).toBe(1);
  expect(table).toContain("| one | 1.000 | 0.500 | 0.500 | 0.000 |");
  expect(table).toContain("| none | 1.000 | 0.500 | - | 0.000 |");
});

test("the chart has a line for each series, a dot for each value measured, and escapes its texts", () => {
  const svg = chart(
    stages.map((stage) => ({ stage, revise: stage.key === "b" })),
    cells,
    "coverage",
    "Coverage & more",
  );
  expect(svg.match(/<polyline/g)).toHaveLength(2);
  expect(svg.match(/r="4"/g)).toHaveLength(4);
  expect(svg).toContain("Second &#60;II&#62;, revising");
  expect(svg).toContain("Coverage &#38; more");
  const heights = [...svg.matchAll(/cy="([\d.]+)" r="4"/g)].map((match) => Number(match[1]));
  expect(heights[0]).toBeLessThan(heights[1] as number); // 1.0 is above 0.25
});
