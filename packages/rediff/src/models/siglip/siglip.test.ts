import { conv2d, type DType, Generator, memory, noGrad, randn, scope, type Tensor } from "@rediff/torch";
import { describe, expect, test } from "vitest";
import { runChain } from "../chain.js";
import { withPlainKernels } from "../kernels.js";
import type { SiglipConfig } from "./siglip.js";
import { type Affine, patchesPerSide, patchFeatures, type Siglip, siglipStages } from "./siglip.js";

const C = 12;
const M = 20;

function tinyTower(imageSize: number, patchSize: number, layers: number, dtype: DType = "float64"): Siglip {
  const config: SiglipConfig = {
    hiddenSize: C,
    intermediateSize: M,
    layers,
    heads: 3,
    imageSize,
    patchSize,
    layerNormEps: 1e-6,
  };
  using generator = new Generator(4);
  const random = (...shape: number[]) =>
    scope(() => {
      const fanIn = shape.slice(1).reduce((a, b) => a * b, 1);
      return randn(shape, generator, { dtype: "float64" })
        .mul(shape.length === 1 ? 0.3 : 1 / Math.sqrt(fanIn))
        .to({ dtype });
    });
  const affine = (out: number, ...rest: number[]): Affine => ({ weight: random(out, ...rest), bias: random(out) });
  const norm = (): Affine => ({ weight: scope(() => random(C).add(1)), bias: random(C) });
  const sides = patchesPerSide(config);
  return {
    config,
    weights: {
      patchEmbedding: affine(C, 3, patchSize, patchSize),
      positions: random(sides * sides, C),
      layers: Array.from({ length: layers - 1 }, () => ({
        norm1: norm(),
        query: affine(C, C),
        key: affine(C, C),
        value: affine(C, C),
        output: affine(C, C),
        norm2: norm(),
        fc1: affine(M, C),
        fc2: affine(C, M),
      })),
    },
  };
}

function pixels(tiles: number, side: number, dtype: DType = "float64"): Tensor {
  using generator = new Generator(6);
  return scope(() => randn([tiles, 3, side, side], generator, { dtype: "float64" }).to({ dtype }));
}

/** A tower of one layer runs none: patches and positions alone. */
function embedded(tower: Siglip, images: Tensor): Tensor {
  return scope(() => {
    const { weight, bias } = tower.weights.patchEmbedding;
    const { patchSize } = tower.config;
    return conv2d(images, weight, bias, [patchSize, patchSize]).flatten(2).transpose(1, 2).add(tower.weights.positions);
  });
}

function worst(got: Tensor, wanted: number[]): number {
  const numbers = got.toNumbers();
  expect(numbers).toHaveLength(wanted.length);
  return Math.max(...numbers.map((x, i) => Math.abs(x - (wanted[i] as number))));
}

describe("patches", () => {
  test.each([
    [28, 14, 4],
    [28, 7, 16],
    [30, 14, 4], // two rows and columns of pixels are cut off
    [27, 14, 1],
    [384, 14, 729], // the published tower: 27 patches of 14, 6 pixels cut off
    [5, 1, 25],
  ])("of a picture of %i in patches of %i: %i, as the strided convolution gives them", (size, patch, count) => {
    const tower = tinyTower(size, patch, 1);
    const images = pixels(2, size);
    const got = patchFeatures(tower, images);
    expect(got.shape).toEqual([2, count, C]);
    expect(worst(got, embedded(tower, images).toNumbers())).toBeLessThan(1e-12);
  });

  test("pixels that are cut off do not matter, all others do", () => {
    const tower = tinyTower(30, 14, 2);
    const images = pixels(1, 30);
    const features = () => patchFeatures(tower, images).toNumbers();
    const before = features();
    images.narrow(2, 28, 2).fill_(7);
    images.narrow(3, 28, 2).fill_(7);
    expect(features()).toEqual(before);
    images.narrow(2, 27, 1).fill_(7);
    expect(features()).not.toEqual(before);
  });
});

/** The layers in plain loops. */
type Matrix = number[][];
const apply = (rows: Matrix, { weight, bias }: Affine): Matrix => {
  const [w, b] = [weight.unbind(0).map((row) => row.toNumbers()), bias.toNumbers()];
  return rows.map((row) =>
    w.map((column, o) => column.reduce((sum, x, i) => sum + x * (row[i] as number), b[o] as number)),
  );
};
const plus = (a: Matrix, b: Matrix): Matrix => a.map((row, i) => row.map((x, j) => x + (b[i]?.[j] as number)));
const norm = (rows: Matrix, { weight, bias }: Affine): Matrix => {
  const [w, b] = [weight.toNumbers(), bias.toNumbers()];
  return rows.map((row) => {
    const mean = row.reduce((x, y) => x + y) / C;
    const variance = row.reduce((sum, x) => sum + (x - mean) ** 2, 0) / C;
    return row.map((x, i) => ((x - mean) / Math.sqrt(variance + 1e-6)) * (w[i] as number) + (b[i] as number));
  });
};
const gelu = (x: number): number => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));

function plainTile(tower: Siglip, rows: Matrix): Matrix {
  let x = rows;
  for (const w of tower.weights.layers) {
    const h = norm(x, w.norm1);
    const [q, k, v] = [apply(h, w.query), apply(h, w.key), apply(h, w.value)];
    const mixed = x.map((_, i) =>
      [0, 1, 2].flatMap((head) => {
        const at = head * 4;
        const scores = x.map(
          (_, j) =>
            [0, 1, 2, 3].reduce((sum, c) => sum + (q[i]?.[at + c] as number) * (k[j]?.[at + c] as number), 0) / 2,
        );
        const weights = scores.map(Math.exp);
        const total = weights.reduce((a, b) => a + b);
        return [0, 1, 2, 3].map((c) =>
          weights.reduce((sum, weight, j) => sum + (weight / total) * (v[j]?.[at + c] as number), 0),
        );
      }),
    );
    x = plus(x, apply(mixed, w.output));
    x = plus(
      x,
      apply(
        apply(norm(x, w.norm2), w.fc1).map((row) => row.map(gelu)),
        w.fc2,
      ),
    );
  }
  return x;
}

describe("layers", () => {
  const tower = tinyTower(28, 14, 4);
  const images = pixels(3, 28);

  test("all but the tower's last, each tile by itself, without the final norm", () => {
    const wanted = embedded(tower, images)
      .unbind(0)
      .flatMap((tile) =>
        plainTile(
          tower,
          tile.unbind(0).map((row) => row.toNumbers()),
        ),
      );
    expect(worst(patchFeatures(tower, images), wanted.flat())).toBeLessThan(1e-10);
    expect(
      worst(
        noGrad(() => patchFeatures(tower, images)),
        wanted.flat(),
      ),
    ).toBeLessThan(1e-10);
    expect(
      worst(
        noGrad(() => withPlainKernels(() => patchFeatures(tower, images))),
        wanted.flat(),
      ),
    ).toBeLessThan(1e-10);
  });

  test("are a chain: pixels to patches, then layer by layer", () => {
    const seen: number[][] = [];
    const out = noGrad(() => runChain(siglipStages(tower), images, (_, input) => seen.push(input.toNumbers())));
    expect(seen).toHaveLength(4);
    expect(seen[0]).toEqual(images.toNumbers());
    expect(worst(embedded(tower, images), seen[1] as number[])).toBeLessThan(1e-12);
    expect(out.toNumbers()).toEqual(noGrad(() => patchFeatures(tower, images)).toNumbers());
  });

  test("follow in float32 and bfloat16", () => {
    const wide = patchFeatures(tower, images);
    const size = Math.sqrt(wide.square().mean().item());
    const error = (dtype: DType) => {
      const narrow = patchFeatures(tinyTower(28, 14, 4, dtype), images.to({ dtype }));
      expect(narrow.dtype).toBe(dtype);
      return Math.sqrt(narrow.to({ dtype: "float64" }).sub(wide).square().mean().item()) / size;
    };
    expect(error("float32")).toBeLessThan(1e-6);
    expect(error("bfloat16")).toBeLessThan(0.03);
  });

  test("keep neither memory nor what they are given", () => {
    const before = [memory(), images.toNumbers()];
    noGrad(() => patchFeatures(tower, images).dispose());
    expect([memory(), images.toNumbers()]).toEqual(before);
  });
});
