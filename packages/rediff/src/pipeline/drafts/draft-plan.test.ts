import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseShard, planDrafts } from "./draft-plan.js";

const options = fc.record({
  total: fc.integer({ min: 1, max: 200 }),
  firstShare: fc.double({ min: 0, max: 0.99, noNaN: true }),
  countShare: fc.double({ min: 0, max: 1, noNaN: true }),
  steps: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 5 }),
  of: fc.integer({ min: 1, max: 9 }),
});

test("shards part the records among them, whatever the numbers, and agree on the steps", () => {
  fc.assert(
    fc.property(options, ({ total, firstShare, countShare, steps, of }) => {
      const first = Math.floor(firstShare * total);
      const count = Math.max(1, Math.floor(countShare * (total - first)));
      const whole = [...planDrafts(total, { first, count, steps }).drafts()];
      expect(whole.map(({ record }) => record)).toEqual(Array.from({ length: count }, (_, i) => first + i));
      const shards = Array.from({ length: of }, (_, index) =>
        planDrafts(total, { first, count, steps, shard: { index, of } }),
      );
      const parts = shards.flatMap((plan) => [...plan.drafts()]);
      expect(parts.sort((a, b) => a.record - b.record)).toEqual(whole);
      for (const plan of shards) expect([...plan.drafts()]).toHaveLength(plan.count);
      for (const { record, steps: own } of whole)
        expect(shards.map((plan) => plan.stepsOf(record)).filter((one) => one !== undefined)).toEqual([own]);
    }),
  );
});

test("several numbers of steps take slices one behind the other, equal to one", () => {
  fc.assert(
    fc.property(options, ({ total, steps }) => {
      const values = [...new Set(steps)];
      const drafts = [...planDrafts(total, { steps: values }).drafts()];
      const sizes = values.map((value) => drafts.filter((draft) => draft.steps === value).length);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      const order = drafts.map((draft) => values.indexOf(draft.steps));
      expect(order).toEqual([...order].sort((a, b) => a - b));
    }),
  );
});

test("the original's slices", () => {
  const plan = planDrafts(50_000, { first: 30_000, count: 15_000, steps: [128, 32, 16] });
  const at = [29_999, 30_000, 34_999, 35_000, 39_999, 40_000, 44_999, 45_000];
  expect(at.map((record) => plan.stepsOf(record))).toEqual([undefined, 128, 128, 32, 32, 16, 16, undefined]);
  expect(plan.steps).toEqual([128, 32, 16]);
});

test("more than there is, is an error that says how much there is", () => {
  expect(() => planDrafts(10, { first: 10, steps: [1] })).toThrow(/no record 10: the data has 10, counted from 0/);
  expect(() => planDrafts(10, { first: 4, count: 7, steps: [1] })).toThrow(/7 records from 4 .* the data has 10/);
});

describe("shards in words", () => {
  test("I/N, from 0", () => {
    expect(parseShard("0/8")).toEqual({ index: 0, of: 8 });
    expect(parseShard("7/8")).toEqual({ index: 7, of: 8 });
  });
  test.each(["8/8", "1/0", "-1/2", "1", "a/b", "1/2/3", "", "0.5/2"])("%j", (text) => {
    expect(() => parseShard(text)).toThrow(/shard/);
  });
});
