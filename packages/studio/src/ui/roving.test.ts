import { expect, test } from "vitest";
import { nextIndex } from "./roving.js";

/** Rows of three, the last with one. */
const boxes = Array.from({ length: 7 }, (_, i) => ({
  left: (i % 3) * 20,
  top: Math.floor(i / 3) * 20,
  width: 18,
  height: 18,
}));

test.each([
  ["ArrowRight", 2, 3],
  ["ArrowLeft", 0, 0],
  ["ArrowDown", 1, 4],
  ["ArrowDown", 5, 6],
  ["ArrowUp", 4, 1],
  ["ArrowUp", 1, 1],
  ["ArrowRight", 6, 6],
] as const)("%s from %i goes to %i", (key, from, to) => {
  expect(nextIndex(boxes, from, key)).toBe(to);
});
