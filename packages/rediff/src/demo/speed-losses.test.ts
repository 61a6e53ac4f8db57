import { expect, test } from "vitest";
import { scoreCaption } from "../scenes/scoring/score.js";
import { compareLosses } from "./speed-losses.js";

const facts = {
  objects: [{ name: "dog", count: 1, position: "top left" as const }],
  background: "red",
};
const right = scoreCaption("a dog is at the top left. the background is red.", facts);
const wrong = scoreCaption("a cat is at the top left. the background is red.", facts);
/** `share` of a hundred captions right. */
const captions = (share: number) => Array.from({ length: 100 }, (_, i) => (i < 100 * share ? right : wrong));

test("what is lost, beside a third of what the reference loses", () => {
  const reference = { slow: captions(0.9), fast: captions(0.3) };
  const {
    own,
    reference: theirs,
    margin,
    interval,
  } = compareLosses(reference, { slow: captions(0.9), fast: captions(0.8) }, "coverage");
  expect(theirs).toBeCloseTo(0.6);
  expect(own).toBeCloseTo(0.1);
  expect(margin).toBeCloseTo(-0.1);
  expect(interval?.[1]).toBeLessThan(0);
  const half = compareLosses(reference, { slow: captions(0.9), fast: captions(0.6) }, "coverage");
  expect(half.margin).toBeCloseTo(0.1);
  expect(half.interval?.[0]).toBeGreaterThan(0);
});
