/** The oneDNN linear layer against libtorch's own, values and gradients. */
import { describe, expect } from "vitest";
import {
  backward,
  Generator,
  grad,
  linear,
  memory,
  noGrad,
  oneDnnLinear,
  randn,
  schemaOf,
  scope,
  type Tensor,
  zeros,
} from "./index.js";
import { test } from "./testing/test.js";

function hasOneDnn(): boolean {
  try {
    schemaOf("mkldnn::_linear_pointwise");
    return true;
  } catch {
    return false;
  }
}

type Layer = typeof linear;

/** Result and gradients of x, weight and bias for a random loss. */
function run(layer: Layer, shape: readonly number[], outputs: number, withBias: boolean): number[][] {
  return scope(() => {
    using generator = new Generator(5);
    const inputs = shape.at(-1) as number;
    const leaf = (t: Tensor) => t.setRequiresGrad();
    const x = leaf(randn(shape, generator));
    const weight = leaf(randn([outputs, inputs], generator));
    const bias = withBias ? leaf(randn([outputs], generator)) : undefined;
    const y = layer(x, weight, bias);
    const direction = randn(y.shape, generator);
    const leaves = bias === undefined ? [x, weight] : [x, weight, bias];
    const gradients = grad(y, leaves, { gradOutputs: [direction] });
    expect(gradients.map((g) => g.shape)).toEqual(leaves.map((l) => l.shape));
    return [y, ...gradients].map((t) => t.toNumbers());
  });
}

function expectClose(a: number[][], b: number[][]): void {
  expect(a.map((list) => list.length)).toEqual(b.map((list) => list.length));
  for (const [i, list] of a.entries())
    for (const [j, value] of list.entries()) expect(Math.abs(value - (b[i]?.[j] as number))).toBeLessThan(1e-4);
}

describe.runIf(hasOneDnn())("oneDnnLinear", () => {
  test.each([
    [[7, 5], 3, true],
    [[7, 5], 3, false],
    [[2, 4, 6], 9, true],
    [[2, 3, 4, 6], 1, false],
    [[1, 8], 8, true],
  ] as const)("gives what linear gives, with its gradients: %j to %i, bias %s", (shape, outputs, withBias) => {
    expectClose(run(oneDnnLinear, shape, outputs, withBias), run(linear, shape, outputs, withBias));
  });

  test("computes only the gradients that are asked for", () =>
    scope(() => {
      using generator = new Generator(1);
      const x = randn([4, 3], generator).setRequiresGrad();
      const weight = randn([2, 3], generator);
      const [dx] = grad(oneDnnLinear(x, weight).sum(), [x]);
      expect(dx?.toNumbers()).toEqual([0, 1, 2, 3].flatMap(() => weight.sum([0]).toNumbers()));
      const frozen = oneDnnLinear(x.detach(), weight);
      expect(frozen.requiresGrad).toBe(false);
      const leaf = weight.detach().setRequiresGrad();
      backward(oneDnnLinear(x.detach(), leaf).sum());
      expect(leaf.grad?.shape).toEqual([2, 3]);
    }));

  test("takes views, gradients that are expanded, and nothing at all", () =>
    scope(() => {
      using generator = new Generator(2);
      const x = randn([5, 4], generator).t().setRequiresGrad(); // [4, 5]
      const weight = randn([5, 3], generator).t().setRequiresGrad(); // [3, 5]
      const total = (layer: Layer) => grad(layer(x, weight).sum(), [x, weight]).map((g) => g.toNumbers());
      expectClose(total(oneDnnLinear), total(linear));
      expect(oneDnnLinear(zeros([0, 5]), weight).shape).toEqual([0, 3]);
    }));

  test("can be differentiated twice", () =>
    scope(() => {
      using generator = new Generator(3);
      const x = randn([4, 3], generator).setRequiresGrad();
      const weight = randn([2, 3], generator).setRequiresGrad();
      const second = (layer: Layer) => {
        const [dx] = grad(layer(x, weight).square().sum(), [x], { createGraph: true });
        return grad((dx as Tensor).square().sum(), [weight]).map((g) => g.toNumbers());
      };
      const [a] = second(oneDnnLinear);
      const [b] = second(linear);
      for (const [i, value] of (a as number[]).entries()) expect(value).toBeCloseTo(b?.[i] as number, 2);
    }));

  test("refuses what it cannot do, with the shapes", () =>
    scope(() => {
      const x = zeros([2, 3]);
      expect(() => oneDnnLinear(x, zeros([4, 5]))).toThrow("float32 [2, 3], weight float32 [4, 5]");
      expect(() => oneDnnLinear(x, zeros([4, 3]), zeros([5]))).toThrow("bias float32 [5]");
      expect(() => oneDnnLinear(x.to({ dtype: "float64" }), zeros([4, 3]))).toThrow("float32 tensors on the CPU");
    }));

  test("leaves nothing behind", ({ memoryAtStart }) => {
    for (let i = 0; i < 20; i++) run(oneDnnLinear, [7, 5], 3, true);
    noGrad(() => scope(() => void oneDnnLinear(zeros([2, 3]), zeros([4, 3]))));
    expect(memory()).toEqual(memoryAtStart);
  });
});
