import { expect, test } from "vitest";
import { LongestLately } from "./longest-lately.js";

test("the longest of the last minute, and of no longer", () => {
  let seconds = 0;
  const lately = new LongestLately(() => 1000 * seconds);
  expect(lately.value).toBe(0);
  for (const [at, value, longest] of [
    [0, 3, 3],
    [5, 1, 3],
    [30, 2, 3],
    [59, 1, 3],
    [61, 0.5, 2],
    [95, 0.1, 1],
  ] as const) {
    seconds = at;
    lately.observe(value);
    expect(lately.value).toBe(longest);
  }
  seconds = 1000;
  expect(lately.value).toBe(0);
});
