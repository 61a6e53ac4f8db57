/** Derivatives against finite differences, and the rules around recording. */
import { describe, expect } from "vitest";
import {
  backward,
  call,
  cat,
  conv2d,
  crossEntropyLoss,
  embedding,
  Generator,
  gelu,
  grad,
  inferenceMode,
  layerNorm,
  linear,
  noGrad,
  randint,
  randn,
  rmsNorm,
  scaledDotProductAttention,
  scope,
  silu,
  softmax,
  type Tensor,
  tensor,
  withGrad,
  zeros,
} from "./index.js";
import { test } from "./testing/test.js";

const generator = new Generator(0);
const normal = (...shape: number[]): Tensor => randn(shape, generator, { dtype: "float64" });

/** Compares the gradients of `loss(...inputs)`, reduced by random weights, with central differences. */
function checkGradients(f: (...inputs: Tensor[]) => Tensor, inputs: Tensor[]): void {
  scope(() => {
    const weights = noGrad(() => randn(f(...inputs).shape, new Generator(1), { dtype: "float64" }));
    const loss = (): Tensor =>
      f(...inputs)
        .mul(weights)
        .sum();
    for (const input of inputs) input.setRequiresGrad();
    const gradients = grad(loss(), inputs);
    const step = 1e-6;
    inputs.forEach((input, n) => {
      const analytic = gradients[n]!.toNumbers();
      const flat = input.detach().view([-1]);
      analytic.forEach((found, i) => {
        const element = flat.narrow(0, i, 1);
        const at = (offset: number): number =>
          noGrad(() => {
            element.add_(offset);
            const value = loss().item();
            element.add_(-offset);
            return value;
          });
        const expected = (at(step) - at(-step)) / (2 * step);
        expect(Math.abs(found - expected)).toBeLessThan(1e-7 + 1e-6 * Math.abs(expected));
      });
    });
  });
}

describe("gradients equal finite differences", () => {
  const cases: Record<string, () => [(...inputs: Tensor[]) => Tensor, Tensor[]]> = {
    "mul with broadcasting": () => [(a, b) => a.mul(b), [normal(2, 3), normal(3)]],
    div: () => [(a, b) => a.div(b.square().add(1)), [normal(4), normal(4)]],
    "pow and exp": () => [(a) => a.exp().pow(1.5), [normal(4)]],
    matmul: () => [(a, b) => a.matmul(b), [normal(2, 3, 2), normal(2, 2)]],
    linear: () => [(x, w, b) => linear(x, w, b), [normal(2, 3), normal(4, 3), normal(4)]],
    conv2d: () => [(x, w, b) => conv2d(x, w, b, 2, 1), [normal(1, 2, 4, 4), normal(2, 2, 3, 3), normal(2)]],
    layerNorm: () => [(x, w, b) => layerNorm(x, [4], w, b), [normal(3, 4), normal(4), normal(4)]],
    rmsNorm: () => [(x, w) => rmsNorm(x, [4], w, 1e-6), [normal(3, 4), normal(4)]],
    softmax: () => [(x) => softmax(x, -1), [normal(3, 4)]],
    "gelu and silu": () => [(x) => gelu(x, { approximate: "tanh" }).add(silu(x)), [normal(6)]],
    attention: () => [
      (q, k, v) => scaledDotProductAttention(q, k, v),
      [normal(1, 1, 3, 2), normal(1, 1, 3, 2), normal(1, 1, 3, 2)],
    ],
    "indexing and cat": () => [
      (a, b) => cat([a.slice(0, 1), b.indexSelect(0, tensor([1, 1, 0], { dtype: "int64" }))]),
      [normal(4, 2), normal(2, 2)],
    ],
    embedding: () => [
      (w) =>
        embedding(
          w,
          tensor(
            [
              [0, 2],
              [2, 1],
            ],
            { dtype: "int64" },
          ),
        ),
      [normal(3, 2)],
    ],
    "cross entropy": () => [(x) => crossEntropyLoss(x, tensor([0, 3], { dtype: "int64" })), [normal(2, 4)]],
    "logsumexp of a view": () => [(x) => x.t().logsumexp([0]), [normal(3, 2)]],
  };
  for (const [name, make] of Object.entries(cases)) test(name, () => scope(() => checkGradients(...make())));

  test("a small network, through every layer", () => {
    scope(() => {
      const x = normal(5, 4);
      const target = randint(0, 3, [5], generator);
      const network = (w1: Tensor, b1: Tensor, w2: Tensor, norm: Tensor): Tensor =>
        crossEntropyLoss(linear(rmsNorm(silu(linear(x, w1, b1)), [6], norm), w2), target);
      checkGradients(network, [normal(6, 4), normal(6), normal(3, 6), normal(6)]);
    });
  });
});

describe("grad and backward", () => {
  test("backward accumulates into the leaves", () => {
    scope(() => {
      const w = tensor([1, 2, 3]).setRequiresGrad();
      backward(w.square().sum());
      expect(w.grad!.toNumbers()).toEqual([2, 4, 6]);
      backward(w.sum());
      expect(w.grad!.toNumbers()).toEqual([3, 5, 7]);
      w.setGrad(undefined);
      expect(w.grad).toBeUndefined();
    });
  });

  test("backward with inputs touches only these", () => {
    scope(() => {
      const [a, b] = [tensor([2]).setRequiresGrad(), tensor([3]).setRequiresGrad()];
      backward(a.mul(b), { inputs: [b] });
      expect(a.grad).toBeUndefined();
      expect(b.grad!.item()).toBe(2);
      expect(() => backward(a.mul(b), { inputs: [] })).toThrow(/empty list/);
    });
  });

  test("gradOutputs weigh the outputs; several outputs add up", () => {
    scope(() => {
      const x = tensor([1, 2]).setRequiresGrad();
      const [g] = grad([x.mul(2), x.sum()], [x], { gradOutputs: [tensor([10, 100]), undefined] });
      expect(g!.toNumbers()).toEqual([21, 201]);
      expect(() => grad(x.mul(2), [x])).toThrow(/scalar/);
    });
  });

  test("second derivatives", () => {
    scope(() => {
      const x = tensor([3], { dtype: "float64" }).setRequiresGrad();
      const [first] = grad(x.pow(4), [x], { createGraph: true });
      const [second] = grad(first!, [x], { createGraph: true });
      const [third] = grad(second!, [x]);
      expect([first!.item(), second!.item(), third!.item()]).toEqual([108, 108, 72]);
    });
  });

  test("a derivative of a network's gradient equals finite differences of the gradient", () => {
    scope(() => {
      const slope = (x: Tensor): Tensor => {
        const [g] = grad(x.tanh().square().sum(), [x], { createGraph: true });
        return g!;
      };
      const x = normal(4).setRequiresGrad();
      const [second] = grad(slope(x).sum(), [x]);
      const step = 1e-6;
      const ahead = slope(x.detach().add(step).setRequiresGrad()).toNumbers();
      const behind = slope(x.detach().sub(step).setRequiresGrad()).toNumbers();
      second!.toNumbers().forEach((found, i) => {
        expect(found).toBeCloseTo((ahead[i]! - behind[i]!) / (2 * step), 6);
      });
    });
  });

  test("an unused input is an error, or undefined where that is allowed", () => {
    scope(() => {
      const [x, y] = [tensor([1]).setRequiresGrad(), tensor([1]).setRequiresGrad()];
      expect(() => grad(x.mul(2), [x, y])).toThrow(/grad: .*not.*used/is);
      const [gx, gy] = grad(x.mul(2), [x, y], { allowUnused: true });
      expect(gx!.item()).toBe(2);
      expect(gy).toBeUndefined();
    });
  });

  test("a graph can be used once, unless it is retained", () => {
    scope(() => {
      const x = tensor([2]).setRequiresGrad();
      const y = x.square();
      grad(y, [x], { retainGraph: true });
      grad(y, [x]);
      expect(() => grad(y, [x])).toThrow(/second time/);
    });
  });

  test("a graph keeps what it needs after the handles are freed", () => {
    const x = tensor([1, 2, 3]).setRequiresGrad();
    const loss = scope(() => x.exp().mul(x).sum());
    scope(() => {
      const [g] = grad(loss, [x]);
      expect(g!.toNumbers()[0]).toBeCloseTo(2 * Math.E, 5);
    });
    x.dispose();
    loss.dispose();
  });
});

describe("what is recorded", () => {
  test("leaves and results", () => {
    scope(() => {
      const x = tensor([1]).setRequiresGrad();
      const y = x.mul(2);
      expect([x.isLeaf, x.requiresGrad, y.isLeaf, y.requiresGrad]).toEqual([true, true, false, true]);
      expect(y.detach().requiresGrad).toBe(false);
      expect(() => y.setRequiresGrad(false)).toThrow(/detach/);
      expect(x.setRequiresGrad(false).requiresGrad).toBe(false);
      expect(() => tensor([1], { dtype: "int64" }).setRequiresGrad()).toThrow(/floating point/);
    });
  });

  test("noGrad, withGrad and inferenceMode nest and end with exceptions", () => {
    scope(() => {
      const x = tensor([1]).setRequiresGrad();
      const recorded = (): boolean => x.mul(2).requiresGrad;
      expect(noGrad(() => [recorded(), withGrad(recorded), recorded()])).toEqual([false, true, false]);
      expect(recorded()).toBe(true);
      expect(() => noGrad(() => zeros([2]).view([3]))).toThrow();
      expect(recorded()).toBe(true);
      expect(inferenceMode(recorded)).toBe(false);
      expect(() => inferenceMode(() => zeros([2]).view([3]))).toThrow();
      expect(recorded()).toBe(true);
    });
  });

  test("a tensor of inference mode cannot enter a graph", () => {
    scope(() => {
      const frozen = inferenceMode(() => tensor([2]).mul(2));
      const x = tensor([1]).setRequiresGrad();
      expect(() => x.mul(frozen)).toThrow(/[Ii]nference/);
      expect(noGrad(() => x.mul(frozen).item())).toBe(4);
    });
  });

  test("an asynchronous function cannot run in a mode", () => {
    expect(() => noGrad(async () => 1)).toThrow(/asynchronous/);
    expect(() => inferenceMode(async () => 1)).toThrow(/asynchronous/);
  });

  test("an in-place change of what a graph needs is noticed", () => {
    scope(() => {
      const x = tensor([1]).setRequiresGrad();
      const y = x.exp();
      const z = y.square();
      y.mul_(2);
      expect(() => grad(z, [x])).toThrow(/modified by an inplace operation/);
      expect(() => x.add_(1)).toThrow(/leaf/);
    });
  });

  test("a gradient that does not fit is refused", () => {
    scope(() => {
      const x = tensor([1, 2]).setRequiresGrad();
      x.setGrad(tensor([5, 6]));
      expect(x.grad!.toNumbers()).toEqual([5, 6]);
      expect(() => x.setGrad(tensor([5]))).toThrow(
        "setGrad: a gradient of float32 [1] does not fit a tensor of float32 [2]",
      );
      expect(() => x.setGrad(tensor([5, 6], { dtype: "float64" }))).toThrow(/float64/);
    });
  });

  test("training by generic calls lowers a loss", () => {
    scope(() => {
      const x = normal(16, 2);
      const y = x.mul(tensor([[2, -3]], { dtype: "float64" })).sum([1]);
      const w = zeros([2], { dtype: "float64" }).setRequiresGrad();
      for (let i = 0; i < 100; i++)
        scope(() => {
          const loss = call("aten::mse_loss", call("aten::mv", x, w), y) as Tensor;
          const [g] = grad(loss, [w]);
          noGrad(() => w.sub_(g!.mul(0.3)));
        });
      expect(w.toNumbers()[0]).toBeCloseTo(2, 3);
      expect(w.toNumbers()[1]).toBeCloseTo(-3, 3);
    });
  });
});
