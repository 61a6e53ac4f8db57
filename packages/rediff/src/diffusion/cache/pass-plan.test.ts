import { expect, test } from "vitest";
import type { Query } from "../decode-step.js";
import { refreshing } from "./pass-plan.js";

const GEN = 8;
const query = { positions: [], block: { start: 4, end: 4 + GEN }, full: false } as unknown as Query;

/** Which of so many passes compute everything, when each of them is followed by so many changed tokens. */
function fullPasses(changed: number, every: number, changes: number, passes: number): number[] {
  const planner = refreshing({ kind: "refresh", every, changed, certify: false }, { length: 4 + GEN, genLength: GEN });
  return [...Array(passes).keys()].filter(() => {
    const plan = planner.plan(query);
    planner.done(plan, query);
    planner.wrote(Array.from({ length: changes }, (_, i) => 4 + i));
    return plan.isFull;
  });
}

test.each([
  ["after every change", 0, 100, 1, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]],
  ["when half of the tokens have changed", 0.5, 100, 1, [0, 4, 8]],
  ["counting a token as often as it changes", 0.75, 100, 3, [0, 2, 4, 6, 8]],
  ["every so many passes", 0.5, 3, 0, [0, 3, 6, 9]],
  ["every so many passes only, at 1, whatever changes", 1, 6, GEN, [0, 6]],
] as const)("everything is computed anew %s", (_, changed, every, changes, full) => {
  expect(fullPasses(changed, every, changes, 10)).toEqual(full);
});
