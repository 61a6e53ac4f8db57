import { expect, test } from "vitest";
import type { Facts } from "../scenes/world/facts.js";
import { faultsOf, reportDecoding, type TracedStep } from "./decoding-report.js";

const facts: Facts = { objects: [{ name: "dog", count: 1, position: "top left" }], background: "blue" };
const right = "A dog is at the top left. The background is blue.";

test.each([
  [right, []],
  ["A dog is at the top left. A dog is at the top left. The background is blue.", ["object twice", "no such length"]],
  ["The background is blue. The background is blue. A dog is at the top left.", ["background twice"]],
  ["A cat is at the top left. The background is blue.", ["name not there", "name missing"]],
  ["A dog dog is at the top left. The background is blue.", ["object twice", "word doubled", "ungrammatical"]],
  ["A dog is at the top left.", ["no background", "no such length"]],
])("%s: %j", (text, expected) => {
  const found = faultsOf(text, facts);
  for (const fault of expected) expect([...found]).toContain(fault);
  expect(found.has("ungrammatical")).toBe(expected.includes("ungrammatical"));
});

const [E, M] = [9, 0];
const step = (tokens: number[], filled: number[], revised: TracedStep["revised"] = []): TracedStep => ({
  tokens,
  filled,
  revised,
});

test("tells an end that comes first, one that moves, several at once, and what nothing revised", () => {
  const early = [step([M, M, M, E], [3]), step([1, M, M, E], [0]), step([1, 2, 3, E], [1, 2])];
  const late = [
    step([1, M, M, M], [0]),
    step([1, M, E, E], [2, 3]),
    step([2, 3, 4, E], [1], [{ position: 0, from: 1, to: 2 }]),
  ];
  const report = (...traces: TracedStep[][]) =>
    reportDecoding(
      traces.map((steps) => ({ text: right, facts, steps })),
      E,
      M,
    );
  expect(report(early)).toMatchObject({ exact: 1, steps: 3, endFirst: 1, endMoved: 0, severalEnds: 0, replaced: 0 });
  expect(report(early).unrevised).toBeCloseTo(2 / 3);
  expect(report(late)).toMatchObject({ endFirst: 0, endMoved: 1, severalEnds: 1 });
  expect(report(late).replaced).toBeCloseTo(1 / 3);
  expect(report(early, late)).toMatchObject({ captions: 2, exact: 2, endFirst: 1, endMoved: 1 });
  expect(report([])).toMatchObject({ captions: 1, endFirst: 0, replaced: 0 });
});
