/** Layers, their weights and how they begin. */
import { describe, expect } from "vitest";
import { backward, Generator, nn, noGrad, optim, randn, scope, type Tensor, tensor } from "../index.js";
import { test } from "../testing/test.js";

const near = (found: Tensor, wanted: readonly number[], digits = 5): void => {
  expect(found.numel).toBe(wanted.length);
  for (const [i, value] of found.toNumbers().entries()) expect(value).toBeCloseTo(wanted[i]!, digits);
};

class Small extends nn.Module {
  readonly inner: nn.Sequential;
  readonly scale: Tensor;

  constructor(generator: Generator) {
    super();
    this.inner = new nn.Sequential(
      new nn.Linear(2, 3, { generator }),
      (x) => x.relu(),
      new nn.Linear(3, 1, { generator }),
    );
    this.scale = tensor([2]).setRequiresGrad();
  }

  forward(x: Tensor): Tensor {
    return this.inner.forward(x).mul(this.scale);
  }
}

describe("modules", () => {
  test("know their weights by names, however deep", () => {
    using generator = new Generator(0);
    using small = new Small(generator);
    expect(Object.keys(small.parameters())).toEqual([
      "inner.parts.0.weight",
      "inner.parts.0.bias",
      "inner.parts.2.weight",
      "inner.parts.2.bias",
      "scale",
    ]);
  });

  test("load copies, and refuses what does not fit", () => {
    using generator = new Generator(0);
    using one = new nn.Linear(2, 2, { generator });
    using other = new nn.Linear(2, 2, { generator });
    one.load(other.parameters());
    expect(one.weight.toNumbers()).toEqual(other.weight.toNumbers());
    scope(() => {
      expect(() => one.load({ weight: one.weight })).toThrow(/bias is missing/);
      expect(() => one.load({ ...one.parameters(), more: one.weight })).toThrow(/no weight more/);
      expect(() => one.load({ weight: tensor([1]), bias: tensor([1, 2]) })).toThrow(
        /weight has the shape \[1\], not \[2, 2\]/,
      );
    });
  });

  test("learn: every weight gets a gradient, and an optimizer takes the loss down", () => {
    using generator = new Generator(3);
    using small = new Small(generator);
    const parameters = optim.parametersOf(small.parameters());
    using optimizer = new optim.AdamW([{ name: "", parameters, learningRate: 0.05, weightDecay: 0 }]);
    using x = randn([64, 2], generator);
    using wanted = scope(() => x.at(":", "0:1").mul(3).sub(x.at(":", "1:")));
    const step = () =>
      scope(() => {
        const loss = small.forward(x).sub(wanted).square().mean();
        backward(loss);
        expect(parameters.every(({ gradient }) => gradient !== undefined)).toBe(true);
        optim.clipGradients(parameters, 10);
        optimizer.step();
        optim.dropGradients(parameters);
        return loss.item();
      });
    const first = step();
    for (let i = 0; i < 150; i++) step();
    expect(step()).toBeLessThan(first / 20);
  });
});

describe("layers", () => {
  test("Linear is x W^T + b, between the bounds of torch", () => {
    using generator = new Generator(1);
    using layer = new nn.Linear(4, 3, { generator });
    for (const weight of [layer.weight, layer.bias!])
      for (const value of weight.toNumbers()) expect(Math.abs(value)).toBeLessThanOrEqual(0.5);
    scope(() => {
      const x = randn([2, 4], generator);
      near(layer.forward(x), x.matmul(layer.weight.T).add(layer.bias!).flatten().toNumbers());
    });
    using bare = new nn.Linear(4, 3, { generator, bias: false });
    expect(Object.keys(bare.parameters())).toEqual(["weight"]);
  });

  test("Conv2d, Embedding and norms have their formulas", () => {
    using generator = new Generator(1);
    using conv = new nn.Conv2d(1, 2, 3, { generator, padding: 1, stride: 2 });
    using embedding = new nn.Embedding(5, 2, { generator });
    using norm = new nn.LayerNorm(3);
    using rms = new nn.RmsNorm(2);
    scope(() => {
      expect(conv.forward(randn([4, 1, 8, 8], generator)).shape).toEqual([4, 2, 4, 4]);
      near(embedding.forward(tensor([3, 3], { dtype: "int64" })).at(1), embedding.weight.at(3).toNumbers());
      near(norm.forward(tensor([[1, 2, 3]])), [-1.22474, 0, 1.22474], 4);
      near(rms.forward(tensor([[3, 4]])), [3 / Math.sqrt(12.5), 4 / Math.sqrt(12.5)]);
    });
  });

  test("Dropout drops while training alone, and keeps the mean", () => {
    using generator = new Generator(1);
    using dropout = new nn.Dropout(0.25, { generator });
    scope(() => {
      const x = tensor(Array.from({ length: 4000 }, () => 1));
      const y = dropout.forward(x);
      expect(new Set(y.toNumbers().map((value) => value.toFixed(4)))).toEqual(new Set(["0.0000", "1.3333"]));
      expect(y.mean().item()).toBeCloseTo(1, 1);
      expect(dropout.train(false).forward(x).equal(x)).toBe(true);
    });
    expect(() => new nn.Dropout(1, { generator })).toThrow(/probability of 1/);
  });
});

test("init fills between its bounds, recording nothing", () => {
  using generator = new Generator(5);
  using weight = scope(() => randn([20, 30], generator)).setRequiresGrad();
  const largest = () => noGrad(() => scope(() => weight.abs().amax().item()));
  nn.init.xavierUniform_(weight, generator);
  expect(largest()).toBeGreaterThan(0.33);
  expect(largest()).toBeLessThanOrEqual(Math.sqrt(6 / 50));
  nn.init.kaimingUniform_(weight, generator);
  expect(largest()).toBeLessThanOrEqual(Math.sqrt(6 / 30));
  expect(weight.isLeaf).toBe(true);
});
