import { Generator, memory, noGrad, randn, scope, tensor } from "@rediff/torch";
import { describe, expect, test } from "vitest";
import { UserError } from "../../errors.js";
import type { Affine } from "../siglip/siglip.js";
import { project, projectorDepth, projectorLayerNames } from "./projector.js";

describe("types", () => {
  test.each<[string, string[]]>([
    ["linear", [""]],
    ["mlp1x_gelu", ["0."]],
    ["mlp2x_gelu", ["0.", "2."]],
    ["mlp3x_gelu", ["0.", "2.", "4."]],
    ["mlp12x_gelu", Array.from({ length: 12 }, (_, i) => `${2 * i}.`)],
  ])("%s", (type, names) => {
    expect(projectorLayerNames(type)).toEqual(names);
    expect(projectorDepth(type)).toBe(names.length);
  });

  test.each(["identity", "mlp0x_gelu", "mlpx_gelu", "mlp2x_relu", "mlp2x_gelu_", "", "LINEAR"])(
    "%j is unknown",
    (type) => {
      expect(() => projectorDepth(type)).toThrow(UserError);
      expect(() => projectorLayerNames(type)).toThrow(`mm_projector_type "${type}" is unknown`);
    },
  );
});

describe("project", () => {
  const layer = (weight: number[][], bias: number[]): Affine => ({
    weight: tensor(weight, { dtype: "float64" }),
    bias: tensor(bias, { dtype: "float64" }),
  });
  // Exact (erf) GELU of -1, 0, 1 and 2.5, not the one with tanh.
  const gelu = [-0.15865525393145707, 0, 0.8413447460685429, 2.4844758366855597];

  test("exact GELUs between the layers, none at the ends", () => {
    const x = tensor([[-1], [0], [1], [2.5]], { dtype: "float64" });
    const identity = layer([[1]], [0]);
    const numbers = (layers: Affine[]) => project(layers, x).toNumbers();
    expect(numbers([identity])).toEqual([-1, 0, 1, 2.5]);
    for (const [i, value] of numbers([identity, identity]).entries()) expect(value).toBeCloseTo(gelu[i] as number, 12);
    const [, , twice] = numbers([identity, identity, identity]) as [number, number, number];
    expect(twice).toBeCloseTo(0.6730106641694041, 9);
  });

  test("weights, biases and widths", () => {
    const x = tensor([[[1, 2]]], { dtype: "float64" });
    const out = project(
      [
        layer(
          [
            [10, 1],
            [0, 0],
            [0, 3],
          ],
          [0.5, 0, 100],
        ),
      ],
      x,
    );
    expect(out.shape).toEqual([1, 1, 3]);
    expect(out.toNumbers()).toEqual([12.5, 0, 106]);
  });

  test("leaves its argument and the memory as they were", () => {
    using generator = new Generator(1);
    const random = (...shape: number[]) => randn(shape, generator);
    const layers = [0, 1].map((): Affine => ({ weight: random(4, 4), bias: random(4) }));
    const x = random(3, 4);
    const before = [x.toNumbers(), memory()];
    noGrad(() => project(layers, x).dispose());
    scope(() => project(layers, x)).dispose();
    expect([x.toNumbers(), memory()]).toEqual(before);
  });
});
