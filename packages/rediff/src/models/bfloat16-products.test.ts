/** Which bfloat16 products are the addon's, where those are asked for. */
import {
  linear as atenLinear,
  backward,
  Generator,
  inferenceMode,
  noGrad,
  randn,
  scope,
  type Tensor,
  widenedLinear,
  withGrad,
} from "@rediff/torch";
import { expect, test, vi } from "vitest";
import { linear, withPlainKernels } from "./kernels.js";

// Read when the first product is computed.
vi.hoisted(() => vi.stubEnv("REDIFF_KERNELS", "bfloat16-tiles"));

const WIDTH = 2048; // of a weight that is worth another kernel than the usual one
const narrow = (seed: number, ...shape: number[]): Tensor => {
  using generator = new Generator(seed);
  return randn(shape, generator).to({ dtype: "bfloat16" });
};

test("in inference they are", () => {
  scope(() => {
    const [rows, weight] = [narrow(1, 2, WIDTH), narrow(2, WIDTH, WIDTH)];
    const wanted = noGrad(() => widenedLinear(rows, weight));
    expect(inferenceMode(() => linear(rows, weight)).equal(wanted)).toBe(true);
    expect(inferenceMode(() => withPlainKernels(() => linear(rows, weight))).equal(atenLinear(rows, weight))).toBe(
      true,
    );
  });
});

test("in training they are not: those have no gradients", () => {
  scope(() => {
    const [rows, weight] = [narrow(1, 2, WIDTH), narrow(2, WIDTH, WIDTH).setRequiresGrad()];
    backward(withGrad(() => linear(rows, weight).sum()));
    expect(weight.grad?.shape).toEqual([WIDTH, WIDTH]);
    expect(noGrad(() => linear(rows, weight)).equal(noGrad(() => atenLinear(rows, weight)))).toBe(true);
  });
});
