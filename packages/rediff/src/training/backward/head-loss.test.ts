import { type DType, Generator, grad, logSoftmax, noGrad, randn, scope, tensor } from "@rediff/torch";
import { describe, expect, test } from "vitest";
import { expectNoLeaks } from "../../testing/leaks.js";
import { type HeadLimits, headLoss } from "./head-loss.js";
import type { Parameter } from "./parameters.js";

const [R, V, D] = [13, 37, 6];
const targets = Array.from({ length: R }, (_, i) => (i * 11) % V);
const weights = Array.from({ length: R }, (_, i) => (i % 5) / 7);

function inputs(dtype: DType = "float64") {
  using generator = new Generator(8);
  const hidden = randn([R, D], generator, { dtype: "float64" }).to({ dtype });
  const head = randn([V, D], generator, { dtype: "float64" }).to({ dtype });
  const parameter: Parameter = {
    name: "lm_head.weight",
    weight: head,
    part: "language",
    decays: true,
    gradient: undefined,
  };
  return { hidden, head, parameter };
}

/** The same from whole logits, by autograd. */
function whole() {
  return scope(() => {
    const { hidden, head } = inputs();
    const [h, w] = [hidden.setRequiresGrad(), head.setRequiresGrad()];
    const ids = tensor(targets, { dtype: "int64" }).unsqueeze(1);
    const losses = logSoftmax(h.matmul(w.t()), 1).gather(1, ids).squeezeDim(1).neg();
    const [dh, dw] = grad(losses.mul(tensor(weights, { dtype: "float64" })).sum(), [h, w]);
    return { losses: losses.toNumbers(), hidden: dh?.toNumbers() ?? [], head: dw?.toNumbers() ?? [] };
  });
}

const largest = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  expect(a.length).toBe(b.length);
  return Math.max(...Array.from(a, (x, i) => Math.abs(x - (b[i] as number))));
};

const cuts: [string, HeadLimits][] = [
  ["at once", { chunkBytes: 2 ** 28, tile: 8192 }],
  ["in tiles that do not divide the vocabulary", { chunkBytes: 2 ** 28, tile: 10 }],
  ["in chunks that do not divide the rows", { chunkBytes: 4 * V * 4, tile: 8192 }],
  ["row by row, token by token", { chunkBytes: 1, tile: 1 }],
];

describe("headLoss", () => {
  test.each(cuts)("losses and gradients are those of whole logits, %s", (_, limits) => {
    const wanted = whole();
    noGrad(() =>
      scope(() => {
        const { hidden, head, parameter } = inputs();
        const found = headLoss(head, { hidden, targets }, { weights, parameter }, limits);
        expect(largest(found.losses, wanted.losses)).toBeLessThan(1e-12);
        expect(largest(found.hiddenGradient?.toNumbers() ?? [], wanted.hidden)).toBeLessThan(1e-13);
        expect(largest(parameter.gradient?.toNumbers() ?? [], wanted.head)).toBeLessThan(1e-13);
        // A second time adds to the head's gradient.
        headLoss(head, { hidden, targets }, { weights, parameter }, limits);
        const twice = wanted.head.map((x) => 2 * x);
        expect(largest(parameter.gradient?.toNumbers() ?? [], twice)).toBeLessThan(1e-13);
        parameter.gradient?.dispose();
      }),
    );
  });

  test("without gradients, or with a frozen head, only what is needed", () =>
    noGrad(() =>
      scope(() => {
        const { hidden, head, parameter } = inputs();
        expect(headLoss(head, { hidden, targets }).hiddenGradient).toBeUndefined();
        const frozen = headLoss(head, { hidden, targets }, { weights, parameter: undefined });
        expect(frozen.hiddenGradient?.shape).toEqual([R, D]);
        expect(parameter.gradient).toBeUndefined();
      }),
    ));

  test("logits too large for exp do not overflow", () =>
    noGrad(() =>
      scope(() => {
        const { hidden, head } = inputs("float32");
        const { losses } = headLoss(head.mul(1000), { hidden, targets });
        expect(losses.every(Number.isFinite)).toBe(true);
      }),
    ));

  test("bfloat16: softmax in float32, gradients of the hidden rows in bfloat16, of the head in float32", () => {
    const wanted = whole();
    noGrad(() =>
      scope(() => {
        const { hidden, head, parameter } = inputs("bfloat16");
        const found = headLoss(head, { hidden, targets }, { weights, parameter });
        expect(found.hiddenGradient?.dtype).toBe("bfloat16");
        expect(parameter.gradient?.dtype).toBe("float32");
        expect(largest(found.losses, wanted.losses)).toBeLessThan(0.1);
        expect(largest(parameter.gradient?.toNumbers() ?? [], wanted.head)).toBeLessThan(0.05);
        parameter.gradient?.dispose();
      }),
    );
  });

  test("frees what it makes", () => {
    expectNoLeaks();
    noGrad(() =>
      scope(() => {
        const { hidden, head, parameter } = inputs();
        headLoss(head, { hidden, targets }, { weights, parameter }, { chunkBytes: 4 * V * 4, tile: 10 });
        parameter.gradient?.dispose();
      }),
    );
  });
});
