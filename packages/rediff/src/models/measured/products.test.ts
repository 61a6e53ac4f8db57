/** Kernels of one meaning against each other. */
import { backward, Generator, inferenceMode, memory, noGrad, randn, scope, type Tensor, withGrad } from "@rediff/torch";
import { describe, expect, test } from "vitest";
import { attendThroughFloat32, attentions, floatProducts, throughFloat32 } from "./products.js";

const random = (seed: number, ...shape: number[]): Tensor => {
  using generator = new Generator(seed);
  return randn(shape, generator);
};
const narrow = (x: Tensor): Tensor => x.to({ dtype: "bfloat16" });
const wide = (x: Tensor): Tensor => x.to({ dtype: "float64" });
const largest = (x: Tensor): number => x.abs().amax().item() as number;

describe("bfloat16 by way of float32", () => {
  test.each([
    ["one piece", [3, 5], 7, true],
    ["no bias, more dimensions", [2, 3, 64], 33, false],
    ["no rows", [0, 8], 4, true],
    ["a weight in several pieces", [5, 4096], 4500, true],
  ] as const)("%s: rounded once, from an exact product", (_, shape, outputs, withBias) => {
    const before = memory().tensors;
    scope(() => {
      const inputs = shape.at(-1) as number;
      const [x, weight] = [narrow(random(1, ...shape)), narrow(random(2, outputs, inputs))];
      const bias = withBias ? narrow(random(3, outputs)) : undefined;
      const y = noGrad(() => throughFloat32(x, weight, bias, floatProducts.aten));
      expect([y.dtype, y.shape]).toEqual(["bfloat16", [...shape.slice(0, -1), outputs]]);
      if (y.numel === 0) return;
      const exact = wide(x).matmul(wide(weight).t());
      const wanted = bias === undefined ? exact : exact.add(wide(bias));
      // Half a unit of bfloat16's eighth bit, and float32's own rounding of the sum.
      const bound = wanted
        .abs()
        .mul(2 ** -8)
        .add(1e-5 * inputs);
      expect(largest(wide(y).sub(wanted).div(bound))).toBeLessThan(1);
    });
    expect(memory().tensors).toBe(before);
  });

  test("is what this processor's own product is, up to the order of sums", () => {
    scope(() => {
      const [x, weight] = [narrow(random(1, 16, 256)), narrow(random(2, 64, 256))];
      const [own, other] = noGrad(() => [
        floatProducts.aten(x, weight),
        throughFloat32(x, weight, undefined, floatProducts.aten),
      ]);
      // At most one step of bfloat16, where a sum lies between two of them.
      const step = wide(own)
        .abs()
        .mul(2 ** -7)
        .add(1e-3);
      expect(largest(wide(own).sub(wide(other)).div(step))).toBeLessThan(1.01);
    });
  });

  test("has gradients, in bfloat16", () => {
    const before = memory().tensors;
    scope(() => {
      const x = narrow(random(1, 6, 32)).setRequiresGrad();
      const weight = narrow(random(2, 8, 32)).setRequiresGrad();
      backward(withGrad(() => throughFloat32(x, weight, undefined, floatProducts.aten).sum()));
      expect([x.grad?.dtype, weight.grad?.shape]).toEqual(["bfloat16", [8, 32]]);
      const wanted = wide(x.detach()).sum([0]);
      expect(largest(wide(weight.grad as Tensor).sub(wanted))).toBeLessThan(0.02 * largest(wanted));
    });
    expect(memory().tensors).toBe(before);
  });
});

test.each([
  ["a prompt", [1, 3, 17, 8], 17],
  ["some rows", [1, 3, 5, 8], 40],
  ["a batch", [2, 2, 6, 4], 9],
  ["heads in several pieces", [1, 3, 2048, 4], 8192],
] as const)("attention in products is attention: %s", (_, shape, positions) => {
  const before = memory().tensors;
  scope(() => {
    const [batch, heads, , width] = shape;
    const [q, k, v] = [
      random(1, ...shape),
      random(2, batch, heads, positions, width),
      random(3, batch, heads, positions, width),
    ];
    const [fused, products] = inferenceMode(() => [attentions.fused(q, k, v), attentions.products(q, k, v)]);
    expect(products.shape).toEqual(fused.shape);
    expect(largest(products.sub(fused))).toBeLessThan(1e-5);
    const narrowed = [q, k, v].map((x) => x.to({ dtype: "bfloat16" })) as [Tensor, Tensor, Tensor];
    const [wide, whole] = inferenceMode(() => [
      attendThroughFloat32(...narrowed, "fused"),
      attentions.fused(...(narrowed.map((x) => x.to({ dtype: "float32" })) as [Tensor, Tensor, Tensor])),
    ]);
    expect([wide.dtype, wide.shape]).toEqual(["bfloat16", [...fused.shape]]);
    expect(wide.equal(whole.to({ dtype: "bfloat16" }))).toBe(true);
  });
  expect(memory().tensors).toBe(before);
});
