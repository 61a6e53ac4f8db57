import { backward, inferenceMode, memory, noGrad, scope, type Tensor, tensor, withGrad } from "@rediff/torch";
import { describe, expect, test } from "vitest";
import { add_, gelu_, mul_, silu_, withPlainKernels } from "./kernels.js";

const x = () => tensor([-1, 0, 2], { dtype: "float64" });
const y = () => tensor([3, 4, 5], { dtype: "float64" });
const sigmoid = (v: number) => 1 / (1 + Math.exp(-v));

describe.each<[string, <T>(body: () => T) => T]>([
  ["while nothing is recorded", noGrad],
  ["in inference", inferenceMode],
  ["while gradients are recorded", withGrad],
  ["with plain kernels", (body) => noGrad(() => withPlainKernels(body))],
])("%s", (_, mode) => {
  test.each<[string, (a: Tensor, b: Tensor) => Tensor, number[]]>([
    ["silu", (a) => silu_(a), [-sigmoid(-1), 0, 2 * sigmoid(2)]],
    ["a product", (a, b) => mul_(a, b), [-3, 0, 10]],
    ["a sum", (a, b) => add_(a, b), [2, 4, 7]],
    ["gelu", (a) => gelu_(a, "none"), [-0.158655253931457, 0, 1.954499736103642]],
  ])("%s uses up its first argument, and no other", (_name, apply, wanted) => {
    const before = memory().tensors;
    const [a, b] = [x(), y()];
    const result = mode(() => apply(a, b));
    for (const [i, value] of result.toNumbers().entries()) expect(value).toBeCloseTo(wanted[i] as number, 12);
    expect(a.freed).toBe(true);
    expect(() => a.add(1)).toThrow(/freed/);
    expect(b.toNumbers()).toEqual([3, 4, 5]);
    b.dispose();
    result.dispose();
    expect(memory().tensors).toBe(before);
  });
});

test("what was used up still takes part in the gradient", () => {
  scope(() => {
    const weight = x().setRequiresGrad();
    const sum = withGrad(() => mul_(weight.mul(2), y()).sum());
    backward(sum);
    expect(weight.grad?.toNumbers()).toEqual([6, 8, 10]);
  });
});
