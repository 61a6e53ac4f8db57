/** Products with quantised weights: whole numbers exactly, at the extremes too, by every kernel that this processor has;
 *  and what rounding and rotating do to real ones. */
import fc from "fast-check";
import { describe, expect } from "vitest";
import {
  type DType,
  dequantizeWeight,
  fromBuffer,
  Generator,
  inferenceMode,
  linear,
  memory,
  type QuantizedBits,
  type QuantizedGroup,
  QuantizedWeight,
  quantizedKernels,
  quantizedLinear,
  quantizedRows,
  quantizedShapes,
  quantizeWeight,
  randn,
  rotateBlocks,
  scope,
  setThreads,
  type Tensor,
  tensor,
} from "../index.js";
import { test } from "../testing/test.js";

/** Steps [O][K] and scales [O][groups] laid out as files have them. */
function packed(
  steps: (o: number, k: number) => number,
  scale: (o: number, g: number) => number,
  { outputs, inputs, bits, group }: { outputs: number; inputs: number; bits: QuantizedBits; group: QuantizedGroup },
): QuantizedWeight {
  const shapes = quantizedShapes([outputs, inputs], bits, group);
  const [panels = 0, rows = 0] = shapes.packed.shape;
  const groups = shapes.scales.shape[1] as number;
  const bytes = new Uint8Array(panels * rows * 64);
  const scales = new Float32Array(panels * groups * 16);
  for (let o = 0; o < panels * 16; o++) {
    const panel = Math.floor(o / 16);
    for (let g = 0; g < groups; g++) scales[(panel * groups + g) * 16 + (o % 16)] = o < outputs ? scale(o, g) : 0;
    for (let k = 0; k < groups * group; k++) {
      const q = o < outputs ? steps(o, k) : 0;
      if (bits === 8) bytes[((panel * rows + (k >> 2)) * 16 + (o % 16)) * 4 + (k % 4)] = q & 255;
      else {
        const at = ((panel * rows + (k >> 3)) * 16 + (o % 16)) * 4 + (k % 4);
        bytes[at] = (bytes[at] as number) | ((q + 8) << (k % 8 < 4 ? 0 : 4));
      }
    }
  }
  const data = bits === 8 ? new Int8Array(bytes.buffer) : bytes;
  return new QuantizedWeight(fromBuffer(data, shapes.packed.shape), fromBuffer(scales, shapes.scales.shape), [
    outputs,
    inputs,
  ]);
}

/** Rows whose rotated groups are exactly these steps: rotating is its own inverse, and steps are small whole numbers.
 *  Each group needs a 127 or -127 in it, or all zeros. */
function rowsOf(steps: number[][], group: QuantizedGroup): Tensor {
  // Unnormalised, so that every value is a whole number: the scale of a row is sqrt(group) then.
  return scope(() =>
    rotateBlocks(tensor(steps), group).to({ dtype: "float64" }).mul(Math.sqrt(group)).round().to({ dtype: "float32" }),
  );
}

const KERNELS = quantizedKernels();

/** Exact sums of whole numbers, each group's times its scale of the weight, in float64. */
function expected(
  steps: number[][],
  w: (o: number, k: number) => number,
  scale: (o: number, g: number) => number,
  outputs: number,
  group: number,
): number[] {
  return steps.flatMap((row) =>
    Array.from({ length: outputs }, (_, o) => {
      let total = 0;
      for (let g = 0; g * group < row.length; g++) {
        let sum = 0;
        for (let k = g * group; k < (g + 1) * group; k++) sum += (row[k] as number) * w(o, k);
        total += sum * scale(o, g);
      }
      return total * Math.sqrt(group); // what a step of the row stands for, see rowsOf
    }),
  );
}

describe("the kernels", () => {
  test("there is a plain one on every processor, and it is the last", () => {
    expect(KERNELS.at(-1)).toBe("plain");
    expect(new Set(KERNELS).size).toBe(KERNELS.length);
  });

  type Pattern = [
    name: string,
    x: (row: number, k: number) => number,
    w: (o: number, k: number, most: number) => number,
  ];
  const patterns: Pattern[] = [
    ["all at the maximum", () => 127, (_o, _k, most) => most],
    ["all at the minimum", () => -127, (_o, _k, most) => -most - 1],
    ["the one against the other", () => 127, (_o, _k, most) => -most - 1],
    ["signs that alternate", (_r, k) => (k % 2 === 0 ? 127 : -127), (_o, k, most) => (k % 2 === 0 ? most : -most - 1)],
    ["signs by output and row", (r) => (r % 2 === 0 ? 127 : -127), (o, _k, most) => (o % 3 === 0 ? -most - 1 : most)],
  ];

  describe.each(KERNELS)("%s", (kernel) => {
    describe.each<QuantizedBits>([8, 4])("with weights of %i bits", (bits) => {
      const most = bits === 8 ? 127 : 7;
      test.each(patterns)("gives the exact whole numbers: %s", (_, x, w) =>
        scope(() => {
          for (const group of [32, 64, 128] as const) {
            const shape = { outputs: 35, inputs: group === 128 ? 12_288 : 512, bits, group };
            const steps = Array.from({ length: 5 }, (_, r) => Array.from({ length: shape.inputs }, (_, k) => x(r, k)));
            const weight = packed(
              (o, k) => w(o, k, most),
              () => 2 ** -20,
              shape,
            );
            const got = quantizedLinear(rowsOf(steps, group), weight, undefined, kernel).toNumbers();
            const wanted = expected(
              steps,
              (o, k) => w(o, k, most),
              () => 2 ** -20,
              shape.outputs,
              group,
            );
            // Of a group the sum is exact; the groups are added, and scales are, in float32.
            const off = got.map((value, i) => Math.abs(value / (wanted[i] as number) - 1));
            expect(Math.max(...off)).toBeLessThan(1e-5);
          }
        }),
      );

      test("gives each group's whole number to the bit, for steps at random", () =>
        scope(() => {
          fc.assert(
            fc.property(
              fc.constantFrom(32 as const, 64 as const, 128 as const),
              fc.integer({ min: 1, max: 40 }),
              fc.integer({ min: 1, max: 37 }),
              fc.integer({ min: 0, max: 1e9 }),
              (group, rows, outputs, seed) => {
                let state = seed;
                const random = (n: number) => {
                  state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
                  return Math.floor((state / 2_147_483_648) * n);
                };
                const steps = Array.from({ length: rows }, () =>
                  Array.from({ length: group }, (_, k) => (k === 0 ? 127 : random(255) - 127)),
                );
                const ws = Array.from({ length: outputs }, () =>
                  Array.from({ length: group }, () => random(2 * most + 2) - most - 1),
                );
                scope(() => {
                  const at = (o: number, k: number) => (ws[o] as number[])[k] as number;
                  const weight = packed(at, () => 1, { outputs, inputs: group, bits, group });
                  const got = quantizedLinear(rowsOf(steps, group), weight, undefined, kernel);
                  const wanted = expected(steps, at, () => 1, outputs, group);
                  const ratio = got.toNumbers().map((value, i) => [value, wanted[i] as number] as const);
                  for (const [value, want] of ratio)
                    expect(Math.round(value / Math.sqrt(group))).toBe(Math.round(want / Math.sqrt(group)));
                });
              },
            ),
            { numRuns: 25 },
          );
        }));
    });
  });

  test("all give the same bits, whatever the shape, the group, the dtype and the threads", () =>
    scope(() => {
      using generator = new Generator(4);
      for (const bits of [8, 4] as const)
        for (const group of [32, 64, 128] as const)
          for (const [rows, inputs, outputs] of [
            [1, 128, 16],
            [3, 24, 5],
            [17, 300, 33],
            [130, 257, 50],
          ] as const)
            for (const dtype of ["float32", "bfloat16"] as DType[]) {
              const x = randn([rows, inputs], generator).to({ dtype });
              const weight = quantizeWeight(randn([outputs, inputs], generator), bits, group);
              const bias = randn([outputs], generator);
              const results = KERNELS.flatMap((kernel) =>
                (rows > 100 ? [1, 2] : [1]).map((threads) => {
                  setThreads(threads);
                  const y = quantizedLinear(x, weight, bias, kernel);
                  expect([y.dtype, y.shape]).toEqual([dtype, [rows, outputs]]);
                  return y.toNumbers();
                }),
              );
              for (const other of results.slice(1)) expect(other).toEqual(results[0]);
              weight[Symbol.dispose]();
            }
      setThreads(1);
    }));

  test("some of a weight's outputs are multiplied with alone, to the bit, on a view of it", () =>
    scope(() => {
      using generator = new Generator(7);
      const x = randn([5, 200], generator);
      for (const bits of [8, 4] as const) {
        const weight = quantizeWeight(randn([90, 200], generator), bits);
        const all = quantizedLinear(x, weight);
        for (const [first, count] of [
          [0, 90],
          [16, 33],
          [80, 10],
        ] as const) {
          const rows = quantizedRows(weight, first, count);
          expect(quantizedLinear(x, rows).equal(all.narrow(1, first, count))).toBe(true);
          rows[Symbol.dispose]();
        }
        for (const [first, count] of [
          [8, 16],
          [0, 91],
          [-16, 16],
          [0, 0],
        ] as const)
          expect(() => quantizedRows(weight, first, count)).toThrow(RangeError);
        expect(quantizedLinear(x, weight).equal(all)).toBe(true);
      }
    }));

  test("one that is not there is refused", () =>
    scope(() => {
      const weight = quantizeWeight(tensor([[1, 2]]), 8);
      expect(() => quantizedLinear(tensor([[1, 2]]), weight, undefined, "abacus")).toThrow("no kernel abacus");
    }));
});

describe("rotating", () => {
  const product = (a: Tensor, b: Tensor) => a.to({ dtype: "float64" }).matmul(b.to({ dtype: "float64" }).t());

  test("rotated weights times rotated rows are the plain product", () =>
    scope(() => {
      using generator = new Generator(1);
      for (const group of [32, 64, 128] as const)
        for (const inputs of [group, 24, 300]) {
          const [x, w] = [randn([7, inputs], generator), randn([9, inputs], generator)];
          const plain = product(x, w).toNumbers();
          const rotated = product(rotateBlocks(x, group), rotateBlocks(w, group)).toNumbers();
          for (const [i, value] of plain.entries())
            expect(Math.abs((rotated[i] as number) - value)).toBeLessThan(1e-6 * inputs);
        }
    }));

  test("is its own inverse, and spreads what stands alone", () =>
    scope(() => {
      const alone = tensor([[0, 0, 3, ...new Array(125).fill(0)]]);
      const spread = rotateBlocks(alone);
      for (const value of spread.toNumbers()) expect(Math.abs(value)).toBeCloseTo(3 / Math.sqrt(128), 6);
      for (const [i, value] of rotateBlocks(spread).toNumbers().entries())
        expect(value).toBeCloseTo(i === 2 ? 3 : 0, 5);
    }));
});

/** ||a - b|| / ||b|| */
const error = (a: Tensor, b: Tensor): number => Math.sqrt(a.sub(b).square().sum().item() / b.square().sum().item());

describe("rounding", () => {
  /** Normal rows with a few channels 30 times as large, as language models have them. */
  function layer(rows = 64, inputs = 512, outputs = 256) {
    using generator = new Generator(2);
    const x = randn([rows, inputs], generator);
    for (const channel of [3, 70, 200, 411]) if (channel < inputs) x.narrow(1, channel, 1).mul_(30);
    return { x, w: randn([outputs, inputs], generator).div(Math.sqrt(inputs)) };
  }

  test.each([
    [8, 128, 0.012],
    [8, 32, 0.012],
    [4, 128, 0.115],
    [4, 32, 0.095],
  ] as const)("to %i bits in groups of %i leaves an error below %f, outliers or not", (bits, group, most) =>
    scope(() => {
      const { x, w } = layer();
      using weight = quantizeWeight(w, bits, group);
      const wanted = linear(x, w);
      const off = error(quantizedLinear(x, weight), wanted);
      expect(off).toBeLessThan(most);
      expect(off).toBeGreaterThan(most / 4); // it is no float product
      expect(error(dequantizeWeight(weight), w)).toBeLessThan(most);
    }),
  );

  test("the product is that of the rounded weight with the rows, up to the rounding of the rows", () =>
    scope(() => {
      const { x, w } = layer();
      for (const bits of [8, 4] as const) {
        using weight = quantizeWeight(w, bits);
        expect(error(quantizedLinear(x, weight), linear(x, dequantizeWeight(weight)))).toBeLessThan(0.009);
      }
    }));

  test("of bfloat16 starts from its values and ends in it", () =>
    scope(() => {
      const { x, w } = layer(8);
      const half = { x: x.to({ dtype: "bfloat16" }), w: w.to({ dtype: "bfloat16" }) };
      using weight = quantizeWeight(half.w, 8);
      using wide = quantizeWeight(half.w.to({ dtype: "float32" }), 8);
      expect(weight.packed.toNumbers()).toEqual(wide.packed.toNumbers());
      const y = quantizedLinear(half.x, weight);
      const y32 = quantizedLinear(half.x.to({ dtype: "float32" }), weight);
      expect(y.toNumbers()).toEqual(y32.to({ dtype: "bfloat16" }).toNumbers());
    }));

  test("zeros stay zeros; what is not finite comes out as NaN, in its row alone; tiny values are zeros", () =>
    scope(() => {
      const { w } = layer();
      using weight = quantizeWeight(w.mul(0), 4);
      expect(dequantizeWeight(weight).abs().amax([]).item()).toBe(0);
      using real = quantizeWeight(w, 8);
      const x = tensor([
        new Array(512).fill(1),
        new Array(512).fill(0),
        [Number.NaN, ...new Array(511).fill(1)],
        [Number.POSITIVE_INFINITY, ...new Array(511).fill(1)],
        new Array(512).fill(1e-38),
      ]);
      const rows = quantizedLinear(x, real)
        .unbind(0)
        .map((row) => row.toNumbers());
      expect(rows[0]?.every(Number.isFinite)).toBe(true);
      expect(rows[1]?.every((value) => value === 0)).toBe(true);
      expect(rows[2]?.every(Number.isNaN)).toBe(true);
      expect(rows[3]?.every(Number.isNaN)).toBe(true);
      expect(rows[4]?.every((value) => value === 0)).toBe(true);
    }));

  test("takes any number of leading dimensions, views, and no rows at all", () =>
    scope(() => {
      using generator = new Generator(3);
      using weight = quantizeWeight(randn([5, 40], generator), 8, 32);
      const x = randn([2, 3, 40], generator);
      const y = quantizedLinear(x, weight);
      expect(y.shape).toEqual([2, 3, 5]);
      const turned = quantizedLinear(x.transpose(0, 1), weight);
      expect(turned.transpose(0, 1).toNumbers()).toEqual(y.toNumbers());
      expect(quantizedLinear(x.narrow(0, 0, 0), weight).shape).toEqual([0, 3, 5]);
    }));

  test("refuses what it cannot do, with the reason", () =>
    scope(() => {
      using weight = quantizeWeight(tensor([[1, 2, 3]]), 8);
      const x = tensor([[1, 2, 3]]);
      expect(() => quantizedLinear(tensor([[1, 2]]), weight)).toThrow("3 inputs");
      expect(() => quantizedLinear(x.to({ dtype: "float64" }), weight)).toThrow("float32 or bfloat16 on the CPU");
      expect(() => quantizedLinear(x, weight, tensor([1, 2]))).toThrow("bias does not fit");
      expect(() => quantizeWeight(tensor([[1, Number.NaN]]), 4)).toThrow("not finite");
      expect(() => quantizeWeight(tensor([1, 2]), 8)).toThrow("matrix");
      expect(() => quantizeWeight(x, 8, 48 as QuantizedGroup)).toThrow("32, 64 or 128");
      expect(() => quantizeWeight(x, 5 as QuantizedBits)).toThrow("8 or 4 bits");
      const leaf = tensor([[1, 2, 3]]).setRequiresGrad();
      expect(() => quantizedLinear(leaf, weight)).toThrow("no gradients");
      const misfit = new QuantizedWeight(weight.packed, weight.scales, [17, 3]);
      expect(() => quantizedLinear(x, misfit)).toThrow("no quantised weights of 17 outputs");
    }));

  test("leaves nothing behind, in inference mode or out of it", ({ memoryAtStart }) => {
    for (let i = 0; i < 5; i++)
      scope(() => {
        const { x, w } = layer(4, 64, 32);
        using weight = quantizeWeight(w, 4, 64);
        quantizedLinear(x, weight);
        inferenceMode(() => scope(() => void quantizedLinear(x, weight)));
      });
    expect(memory()).toEqual(memoryAtStart);
  });
});
