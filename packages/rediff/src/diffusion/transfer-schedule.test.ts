import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { reviseCount, stepsFor, transferSchedule } from "./transfer-schedule.js";

describe("transferSchedule", () => {
  test.each([
    [128, 128, Array.from({ length: 128 }, () => 1)],
    [5, 4, [2, 1, 1, 1]],
    [3, 5, [1, 1, 1, 0, 0]],
    [0, 3, [0, 0, 0]],
    [7, 1, [7]],
  ])("%i masks in %i steps", (masked, steps, expected) => {
    expect(transferSchedule(masked, steps)).toEqual(expected);
  });

  test("fills every mask, evenly, the larger steps first", () => {
    fc.assert(
      fc.property(fc.nat(500), fc.integer({ min: 1, max: 300 }), (masked, steps) => {
        const schedule = transferSchedule(masked, steps);
        expect(schedule).toHaveLength(steps);
        expect(schedule.reduce((a, b) => a + b, 0)).toBe(masked);
        expect(schedule).toEqual([...schedule].sort((a, b) => b - a));
        expect((schedule[0] as number) - (schedule.at(-1) as number)).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe("stepsFor", () => {
  test.each([
    [128, 128, 1, 128],
    [128, 128, 4, 32],
    [128, 128, 3, 43],
    [128, 32, 3, 44],
    [128, 32, 64, 4],
    [32, 32, 1.5, 22],
  ])("gen_length %i in blocks of %i, %d a step", (genLength, blockLength, tokensPerStep, expected) => {
    expect(stepsFor(genLength, blockLength, tokensPerStep)).toBe(expected);
  });
});

describe("reviseCount", () => {
  // The product is rounded to float32 first: in float64, 90 * 0.7 is 62.99999999999999.
  test.each([
    [90, 0.7, 63],
    [10, 0.25, 2],
    [10, 1, 10],
    [3, 0.3, 0],
    [0, 0.5, 0],
    [128, 0.1, 12],
  ])("%i tokens, a share of %d", (count, fraction, expected) => {
    expect(reviseCount(count, fraction)).toBe(expected);
  });

  test("never more than there are", () => {
    fc.assert(
      fc.property(fc.nat(4096), fc.double({ min: 0, max: 1, noNaN: true }), (count, fraction) => {
        const chosen = reviseCount(count, fraction);
        expect(chosen).toBeGreaterThanOrEqual(0);
        expect(chosen).toBeLessThanOrEqual(count);
        expect(Math.abs(chosen - count * fraction)).toBeLessThanOrEqual(1);
      }),
    );
  });
});
