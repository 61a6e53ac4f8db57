import { describe, expect } from "vitest";
import { scope, type Tensor, tensor, valueAndGrad } from "../index.js";
import { test } from "../testing/test.js";

describe("valueAndGrad", () => {
  test("gives gradients in the parameters' form, and leaves the parameters as they are", () => {
    const loss = valueAndGrad(({ w, b }: { w: Tensor; b: readonly [Tensor] }, x: Tensor) =>
      x.mul(w).add(b[0]).square().sum(),
    );
    scope(() => {
      const parameters = { w: tensor([1, 2]), b: [tensor([3])] as const };
      const { value, gradients } = loss(parameters, tensor([1, 1]));
      expect(value.item()).toBe(16 + 25);
      expect(gradients.w.toNumbers()).toEqual([8, 10]);
      expect(gradients.b[0].toNumbers()).toEqual([18]);
      expect([parameters.w.requiresGrad, value.requiresGrad]).toEqual([false, false]);
    });
  });

  test("is zero for what the value does not depend on", () => {
    scope(() => {
      const { gradients } = valueAndGrad(([a]: readonly Tensor[]) => a!.sum())([tensor([1, 2]), tensor([3])]);
      expect(gradients.map((g) => g.toNumbers())).toEqual([[1, 1], [0]]);
      expect(valueAndGrad((_: Tensor) => tensor(5))(tensor([1])).gradients.toNumbers()).toEqual([0]);
    });
  });

  test("needs one number", () => {
    scope(() => expect(() => valueAndGrad((x: Tensor) => x.mul(2))(tensor([1, 2]))).toThrow(/gives \[2\], not one/));
  });
});
