/** Functions that are differentiated in TypeScript. */
import { describe, expect } from "vitest";
import { backward, customFunction, grad, noGrad, scope, type Tensor, tensor } from "../index.js";
import { test } from "../testing/test.js";

const cube = customFunction({
  name: "cube",
  forward(save, x: Tensor) {
    save(x);
    return x.mul(x).mul(x);
  },
  backward: ([x], gradient) => [gradient!.mul(x!.square()).mul(3)],
});

describe("customFunction", () => {
  test("has the gradient that its backward gives, among other operators", () => {
    scope(() => {
      const x = tensor([1, -2]).setRequiresGrad();
      const y = cube(x.mul(2)).sum();
      expect(y.item()).toBe(8 - 64);
      backward(y);
      expect(x.grad?.toNumbers()).toEqual([24, 96]);
    });
  });

  test("derivatives of derivatives go through backward", () => {
    scope(() => {
      const x = tensor([2], { dtype: "float64" }).setRequiresGrad();
      const [first] = grad(cube(x), [x], { createGraph: true });
      const [second] = grad(first!, [x]);
      expect([first!.item(), second!.item()]).toEqual([12, 12]);
    });
  });

  test("several inputs and outputs: undefined where there is no gradient, zeros for outputs that are not used", () => {
    const seen: number[][] = [];
    const both = customFunction({
      name: "both",
      forward: (save, a: Tensor, b: Tensor) => {
        const product = a.mul(b);
        save(b, product);
        return [product, a.add(b)];
      },
      backward: ([b, product], first, second) => {
        seen.push(first!.toNumbers(), second!.toNumbers(), product!.toNumbers());
        return [first!.mul(b!), undefined];
      },
    });
    scope(() => {
      const a = tensor([3]).setRequiresGrad();
      const [product] = both(a, tensor([5])) as readonly Tensor[];
      expect(grad(product!, [a]).map((g) => g.toNumbers())).toEqual([[5]]);
      expect(seen).toEqual([[1], [0], [15]]);
    });
  });

  test("is not recorded where nothing asks for a gradient", () => {
    scope(() => {
      expect(cube(tensor([2])).requiresGrad).toBe(false);
      const x = tensor([2]).setRequiresGrad();
      expect(noGrad(() => cube(x)).requiresGrad).toBe(false);
      expect(cube(x).requiresGrad).toBe(true);
    });
  });

  test("what backward throws, or gives wrongly, is the error", () => {
    const broken = (back: (saved: readonly Tensor[], gradient: Tensor) => readonly (Tensor | undefined)[]) =>
      customFunction({ name: "broken", forward: (_, x: Tensor) => x.mul(1), backward: back as never });
    scope(() => {
      const x = tensor([1, 2]).setRequiresGrad();
      const gradientOf = (f: (x: Tensor) => Tensor) => () => grad(f(x).sum(), [x]);
      const thrower = broken(() => {
        throw new Error("not today");
      });
      expect(gradientOf(thrower)).toThrow(/backward of broken: not today/);
      expect(gradientOf(broken(() => []))).toThrow(/0 gradients for 1 inputs/);
      expect(gradientOf(broken(() => [tensor([1, 2, 3])]))).toThrow(/shape/);
    });
  });

  test("a graph is gone back through once, unless it is kept; what was saved and then changed is told", () => {
    scope(() => {
      const x = tensor([2]).setRequiresGrad();
      const y = cube(x);
      grad(y, [x], { retainGraph: true });
      grad(y, [x]);
      expect(() => grad(y, [x])).toThrow(/backward through the graph a second time|gone back through already/i);
      const z = x.mul(1);
      const w = cube(z);
      noGrad(() => z.add_(1));
      expect(() => grad(w, [x])).toThrow(/modified by an inplace operation/);
    });
  });

  test("a thousand passes leave nothing behind", ({ left }) => {
    const before = left();
    for (let i = 0; i < 1000; i++)
      scope(() => {
        const x = tensor([1, 2]).setRequiresGrad();
        backward(cube(x).sum());
      });
    expect(left()).toBe(before);
  });
});
