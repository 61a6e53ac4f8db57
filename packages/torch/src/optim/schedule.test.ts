/** Learning rates over a run. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { learningRateFactor, SCHEDULES, warmupSteps } from "./schedule.js";

const factors = (schedule: "cosine" | "linear" | "constant", totalSteps: number, warmup: number) =>
  Array.from({ length: totalSteps + 2 }, (_, step) =>
    learningRateFactor(step, { schedule, totalSteps, warmupSteps: warmup }),
  );

describe("warmupSteps", () => {
  test.each([
    [0, 100, 0],
    [0.03, 10, 1],
    [0.03, 100, 3],
    [0.1, 37, 4],
    [1, 5, 5],
  ])("ratio %f of %i steps is %i", (ratio, total, wanted) => expect(warmupSteps(ratio, total)).toBe(wanted));
});

describe("learningRateFactor", () => {
  test("cosine", () => {
    const found = factors("cosine", 10, 2);
    expect(found.slice(0, 3)).toEqual([0, 0.5, 1]);
    expect(found[6]).toBeCloseTo(0.5, 15);
    expect(found[10]).toBe(0);
    expect(found[11]).toBe(0); // transformers would rise again
  });

  test("linear", () => expect(factors("linear", 4, 2)).toEqual([0, 0.5, 1, 0.5, 0, 0]));

  test("constant", () => expect(factors("constant", 3, 2)).toEqual([0, 0.5, 1, 1, 1]));

  test("stays between 0 and 1, rises in the warm-up and never after", () => {
    const run = fc.record({
      schedule: fc.constantFrom(...SCHEDULES),
      totalSteps: fc.integer({ min: 1, max: 300 }),
      ratio: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(run, ({ schedule, totalSteps, ratio }) => {
        const warmup = warmupSteps(ratio, totalSteps);
        const found = factors(schedule, totalSteps, warmup);
        for (const [step, factor] of found.entries()) {
          expect(factor).toBeGreaterThanOrEqual(0);
          expect(factor).toBeLessThanOrEqual(1);
          const next = found[step + 1];
          // A warm-up as long as the run ends in the end of the schedule, at 0.
          if (next !== undefined && step < warmup && warmup < totalSteps) expect(next).toBeGreaterThan(factor);
          else if (next !== undefined && step >= warmup) expect(next).toBeLessThanOrEqual(factor);
        }
      }),
    );
  });
});
