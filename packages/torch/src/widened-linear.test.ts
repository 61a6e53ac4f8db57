/** bfloat16 products in float32, tile by tile, against exact sums and every kernel against the plain one. */
import fc from "fast-check";
import { describe, expect } from "vitest";
import {
  full,
  Generator,
  getThreads,
  inferenceMode,
  memory,
  randn,
  scope,
  setThreads,
  type Tensor,
  tensor,
  widenedKernels,
  widenedLinear,
  zeros,
} from "./index.js";
import { test } from "./testing/test.js";

const random = (seed: number, ...shape: number[]): Tensor => {
  using generator = new Generator(seed);
  return randn(shape, generator).to({ dtype: "bfloat16" });
};
const wide = (t: Tensor): Tensor => t.to({ dtype: "float64" });

describe("widenedLinear", () => {
  test("gives the same bits by every kernel, however rows, inputs and outputs divide", () => {
    const sizes = fc.record({
      rows: fc.oneof(fc.integer({ min: 0, max: 20 }), fc.constantFrom(63, 64, 65, 257)),
      inputs: fc.constantFrom(0, 1, 15, 16, 255, 256, 257, 600),
      outputs: fc.constantFrom(0, 1, 6, 7, 96, 101),
      seed: fc.nat(1000),
      withBias: fc.boolean(),
    });
    fc.assert(
      fc.property(sizes, ({ rows, inputs, outputs, seed, withBias }) =>
        scope(() => {
          const [x, weight] = [random(seed, rows, inputs), random(seed + 1, outputs, inputs)];
          const bias = withBias ? random(seed + 2, outputs) : undefined;
          const yardstick = widenedLinear(x, weight, bias, "plain");
          expect(yardstick.shape).toEqual([rows, outputs]);
          for (const kernel of widenedKernels())
            expect(widenedLinear(x, weight, bias, kernel).equal(yardstick), kernel).toBe(true);
        }),
      ),
      { numRuns: 40 },
    );
  });

  test("is the exact product, rounded once", () =>
    scope(() => {
      const [x, weight, bias] = [random(1, 3, 37, 700), random(2, 50, 700), random(3, 50)];
      const y = widenedLinear(x, weight, bias);
      expect([y.dtype, y.shape]).toEqual(["bfloat16", [3, 37, 50]]);
      const exact = wide(x).matmul(wide(weight).t()).add(wide(bias));
      const bound = exact
        .abs()
        .mul(2 ** -8)
        .add(1e-3);
      expect(wide(y).sub(exact).abs().div(bound).amax().item()).toBeLessThan(1);
    }));

  test("a row does not depend on the others, nor on the number of threads", () =>
    scope(() => {
      const [x, weight] = [random(1, 300, 520), random(2, 200, 520)];
      const whole = widenedLinear(x, weight);
      for (const [first, count] of [
        [0, 1],
        [5, 70],
        [250, 50],
      ] as const)
        expect(widenedLinear(x.narrow(0, first, count), weight).equal(whole.narrow(0, first, count))).toBe(true);
      const before = getThreads();
      setThreads(before === 1 ? 2 : 1);
      try {
        expect(widenedLinear(x, weight).equal(whole)).toBe(true);
      } finally {
        setThreads(before);
      }
    }));

  test("takes a part of a weight, and views", () =>
    scope(() => {
      const [x, weight] = [random(1, 9, 40), random(2, 30, 40)];
      const whole = widenedLinear(x, weight);
      expect(widenedLinear(x, weight.narrow(0, 7, 12)).equal(whole.narrow(1, 7, 12))).toBe(true);
      expect(widenedLinear(x.t().contiguous().t(), weight.t().contiguous().t()).equal(whole)).toBe(true);
      const wider = random(3, 30, 50);
      expect(
        widenedLinear(x, wider.narrow(1, 10, 40)).equal(widenedLinear(x, wider.narrow(1, 10, 40).contiguous())),
      ).toBe(true);
    }));

  test("infinities and what is not a number come through, in their rows only", () =>
    scope(() => {
      const x = tensor([
        [1, 2],
        [Number.POSITIVE_INFINITY, 1],
        [Number.NaN, 1],
        [3e38, 3e38],
      ]).to({ dtype: "bfloat16" });
      const y = widenedLinear(x, full([1, 2], 2).to({ dtype: "bfloat16" })).toNumbers();
      expect(y).toEqual([6, Number.POSITIVE_INFINITY, Number.NaN, Number.POSITIVE_INFINITY]);
    }));

  test("frees what it made", () => {
    const before = memory().tensors;
    scope(() => void inferenceMode(() => widenedLinear(random(1, 70, 300), random(2, 90, 300))));
    expect(memory().tensors).toBe(before);
  });

  test("refuses what it cannot compute", () =>
    scope(() => {
      const [x, weight] = [random(1, 3, 4), random(2, 5, 4)];
      expect(() => widenedLinear(x.to({ dtype: "float32" }), weight)).toThrow(/takes bfloat16 tensors on the CPU/);
      expect(() => widenedLinear(x, random(2, 5, 3))).toThrow(/shapes do not fit/);
      expect(() => widenedLinear(x, weight, random(3, 4))).toThrow(/shapes do not fit/);
      expect(() => widenedLinear(x, weight, undefined, "gpu")).toThrow(/there is no kernel gpu/);
      expect(() => widenedLinear(zeros([3, 4]).to({ dtype: "bfloat16" }).setRequiresGrad(), weight)).toThrow(
        /has no gradients/,
      );
    }));
});
