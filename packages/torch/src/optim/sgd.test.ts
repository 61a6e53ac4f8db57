/** SGD by its formula, on a gradient that is written down. */
import { describe, expect } from "vitest";
import { scope, tensor } from "../index.js";
import { test } from "../testing/test.js";
import { Sgd, type SgdOptions } from "./sgd.js";

const START = [1, -2, 0.5];
/** Of step s at element i. */
const slopeAt = (step: number, i: number): number => Math.sin(1 + step + 3 * i);

/** The formula of the documentation of torch.optim.SGD, a number at a time. */
function byFormula(i: number, steps: number, decay: number, { momentum = 0, nesterov = false }: SgdOptions): number {
  let w = START[i] as number;
  let b = 0;
  for (let step = 0; step < steps; step++) {
    const g = slopeAt(step, i) + decay * w;
    b = step === 0 ? g : momentum * b + g;
    const way = momentum === 0 ? g : nesterov ? g + momentum * b : b;
    w -= 0.05 * 0.5 * way;
  }
  return w;
}

describe("Sgd", () => {
  test.for([
    [{}, 0],
    [{}, 0.1],
    [{ momentum: 0.9 }, 0],
    [{ momentum: 0.9, nesterov: true }, 0.1],
  ] as [SgdOptions, number][])("%o with decay %f is the formula", ([options, weightDecay]) => {
    using weight = tensor(START, { dtype: "float64" });
    const parameter = { name: "w", weight, gradient: tensor([0, 0, 0], { dtype: "float64" }) };
    using optimizer = new Sgd([{ name: "", parameters: [parameter], learningRate: 0.05, weightDecay }], options);
    for (let step = 0; step < 4; step++) {
      scope(() => {
        parameter.gradient.copy_(
          tensor(
            [0, 1, 2].map((i) => slopeAt(step, i)),
            { dtype: "float64" },
          ),
        );
        optimizer.step(0.5);
      });
    }
    for (const [i, value] of weight.toNumbers().entries())
      expect(value).toBeCloseTo(byFormula(i, 4, weightDecay, options), 14);
    parameter.gradient.dispose();
  });

  test("what has no gradient stays, and rows are refused", () => {
    using weight = tensor([[1], [2]]);
    const parameter = { name: "w", weight, gradient: undefined, gradientRows: undefined };
    using optimizer = new Sgd([{ name: "", parameters: [parameter], learningRate: 1, weightDecay: 0.5 }]);
    optimizer.step();
    expect(weight.toNumbers()).toEqual([1, 2]);
    using gradient = tensor([[1]]);
    const rows = { ...parameter, gradient, gradientRows: [1] };
    using other = new Sgd([{ name: "", parameters: [rows], learningRate: 1, weightDecay: 0 }]);
    expect(() => other.step()).toThrow(/gradient of w has some rows only/);
  });

  test("nesterov needs momentum", () => {
    expect(() => new Sgd([], { nesterov: true })).toThrow(/needs a momentum/);
  });
});
