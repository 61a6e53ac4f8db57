import { expect } from "vitest";
import { figures, scoreCaption } from "../../scenes/scoring/score.js";
import type { Facts } from "../../scenes/world/facts.js";
import { test } from "../../testing/fixtures.js";
import { cacheSettings, cacheTable, keptPromises, type MeasuredSetting } from "./cache-figures.js";

const facts = { objects: [], background: "white" } as unknown as Facts;
const right = scoreCaption("", facts);

/** Captions of which `errors` have one. */
function setting(title: string, errors: number, margin?: number): MeasuredSetting {
  const tallies = Array.from({ length: 40 }, (_, i) => ({ ...right, exact: i < errors ? 0 : 1, reachable: 1 }));
  const texts = tallies.map(({ exact }) => (exact ? "right" : "wrong"));
  const took = { passes: 12, fullPasses: 3, computed: 0.25, certified: 1 };
  return { setting: { title, options: {}, ...(margin !== undefined && { margin }) }, tallies, texts, ...took };
}

test("the table has every figure of the scorer, as a difference from the exact path", () => {
  const lines = cacheTable([setting("exact", 0), setting("worse", 10)]).split("\n");
  const cells = lines.map((line) => line.split("|").map((cell) => cell.trim()));
  for (const row of cells) expect(row).toHaveLength(figures.length + 8);
  const at = cells[0]?.indexOf("exact") as number;
  expect(cells[2]?.[at]).toBe("100.0");
  expect(cells[3]?.[at]).toMatch(/^-25\.0 \(-\d+\.\d to -\d+\.\d\)$/);
  expect(lines[3]).toContain("30 of 40");
});

test("a promise is kept, broken, or not to be told with so few scenes", () => {
  const told = keptPromises([setting("exact", 0), setting("same", 0, 0.01), setting("far", 20, 0.02)]);
  expect(told).toContain("same: at most 1 points below the exact path: every figure.");
  expect(told).toMatch(/far: at most 2 points below the exact path: not exact\./);
  expect(keptPromises([setting("exact", 0), setting("one", 1, 0.02)])).toMatch(/not to be told of exact/);
});

test("--fast and the first have no pace from the table, and rounded weights are asked for where they are named", () => {
  for (const { title, options, quantize } of cacheSettings(4)) {
    expect(options.tokensPerStep).toBe(title.startsWith("`--fast`") ? undefined : 4);
    expect(quantize).toBe(/int8|fast`/.test(title) ? "int8" : undefined);
  }
});
