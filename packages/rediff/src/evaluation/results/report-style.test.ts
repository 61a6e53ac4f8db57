import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { speedChart } from "./report-chart.js";
import { reportStyle, tokens } from "./report-style.js";

test("the report has the studio's colours and sizes", () => {
  const sheet = readFileSync(new URL("../../../../studio/src/styles/tokens.css", import.meta.url), "utf8");
  for (const [name, value] of Object.entries(tokens)) expect(sheet).toContain(`${name}: ${value};`);
  for (const [, name] of reportStyle.matchAll(/var\((--[a-z0-9-]+)\)/g)) expect(reportStyle).toContain(`${name}: `);
});

test("curves stand at their speeds in order, and names in them are no markup", () => {
  const points = [16, 1, 4].map((tokensPerStep) => ({ tokensPerStep, value: 1 / tokensPerStep }));
  const svg = speedChart("exact", [{ title: "<model>", points }]);
  expect([...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"/g)].map(([, x, y]) => [Number(x), Number(y)])).toEqual([
    [56, 20],
    [263, 215],
    [470, 263.8],
  ]);
  expect(svg).toContain("&#60;model&#62;");
});
