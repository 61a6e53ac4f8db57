/** Products with float8 weights: exact where nothing is rounded, at the extremes too; and what rounding does to real ones. */
import { afterEach, describe, expect, expectTypeOf, vi } from "vitest";
import type * as calling from "../call.js";
import {
  type DType,
  type Float8Scaling,
  Float8Weight,
  float8Linear,
  float8Linears,
  float8Shapes,
  fromBuffer,
  Generator,
  inferenceMode,
  linear,
  memory,
  type QuantizedWeight,
  randn,
  requireFloat8,
  rotateBlocks,
  roundToFloat8,
  scope,
  type Tensor,
  tensor,
  toFloat8,
  UnsupportedError,
  widenFloat8,
  zeros,
} from "../index.js";
import { test } from "../testing/test.js";
import { tryFloat8 } from "./float8.js";

/** What the operator is refused with, in place of being called. */
const refusing = vi.hoisted(() => ({ scaledMm: undefined as ((args: unknown[]) => string | undefined) | undefined }));

vi.mock(import("../call.js"), async (original) => {
  const real: typeof calling = await original();
  const call: typeof real.call = (name, ...args) => {
    const reason = name === "aten::_scaled_mm" ? refusing.scaledMm?.(args) : undefined;
    if (reason !== undefined) throw new Error(reason);
    return real.call(name, ...args);
  };
  return { ...real, call };
});

afterEach(() => {
  refusing.scaledMm = undefined;
});

/** ||a - b|| / ||b|| */
const error = (a: Tensor, b: Tensor): number => Math.sqrt(a.sub(b).square().sum().item() / b.square().sum().item());

/** Normal rows with a few channels 30 times as large, as language models have them. */
function layer({ rows = 64, inputs = 512, outputs = 256, times = 30 } = {}) {
  using generator = new Generator(2);
  const x = randn([rows, inputs], generator);
  for (const channel of [3, 70, 200, 411]) if (channel < inputs) x.narrow(1, channel, 1).mul_(times);
  return { x, w: randn([outputs, inputs], generator).div(Math.sqrt(inputs)) };
}

const SCALINGS: Float8Scaling[] = ["rows", "after"];

describe("the format", () => {
  test("what is beyond its largest value becomes that, infinity too, and NaN stays", () => {
    scope(() => {
      for (const dtype of ["float32", "bfloat16", "float64"] as DType[]) {
        const x = tensor([448, 449, 464, 465, 480, 1e30, -1e30, Number.POSITIVE_INFINITY, Number.NaN], { dtype });
        const rounded = toFloat8(x);
        expect(rounded.dtype).toBe("float8_e4m3fn");
        expect(rounded.toNumbers()).toEqual([448, 448, 448, 448, 448, 448, -448, 448, Number.NaN]);
      }
    });
  });

  test("a weight has multiples of 16 outputs and inputs, and a scale for each output", () => {
    expect(float8Shapes([4096, 12_288])).toEqual({
      packed: { dtype: "float8_e4m3fn", shape: [4096, 12_288] },
      scales: { dtype: "float32", shape: [4096] },
    });
    expect(float8Shapes([17, 5]).packed.shape).toEqual([32, 16]);
  });

  test("each output's largest value is the format's, whatever its size", () => {
    scope(() => {
      using weight = roundToFloat8(
        tensor([
          [3e38, -1e38, 0],
          [1e-20, 2e-20, -4e-20],
          [0, 0, 0],
        ]),
      );
      const largest = weight.packed.to({ dtype: "float32" }).abs().amax([1]).toNumbers();
      expect(largest).toEqual([448, 448, ...new Array(14).fill(0)]);
      const back = widenFloat8(weight).toNumbers();
      for (const [i, value] of [3e38, -1e38, 0, 1e-20, 2e-20, -4e-20, 0, 0, 0].entries())
        expect(Math.abs((back[i] as number) - value)).toBeLessThanOrEqual(Math.abs(value) / 16);
    });
  });
});

describe.each(SCALINGS)("the product, scales handed over as '%s'", (scaling) => {
  test("is exact where nothing is rounded, at the extremes too", () => {
    scope(() => {
      // 448 in each row, so that every scale is the power of two that was put in; sums of 12,288 times 448 x 448.
      const signs = (n: number) => Array.from({ length: n }, (_, i) => (i % 3 === 0 ? -448 : 448));
      const rows = tensor([new Array(12_288).fill(448), signs(12_288), [448, ...new Array(12_287).fill(0.001953125)]]);
      const factors = tensor([[2 ** -60], [1], [2 ** 30]]);
      using weight = roundToFloat8(rows.mul(2 ** 9));
      const got = float8Linear(rows.mul(factors), weight, undefined, scaling).toNumbers();
      const wide = (t: Tensor) => t.to({ dtype: "float64" });
      const wanted = wide(rows)
        .mul(wide(factors))
        .matmul(
          wide(rows)
            .mul(2 ** 9)
            .t(),
        )
        .toNumbers();
      for (const [i, value] of got.entries()) expect(Math.abs(value / (wanted[i] as number) - 1)).toBeLessThan(1e-6);
    });
  });

  test.each([
    ["no outliers", 1],
    ["outliers 30 times as large", 30],
    ["outliers 3000 times as large", 3000],
  ])("of normal values is off by less than 4 % with %s", (_, times) => {
    scope(() => {
      const { x, w } = layer({ times });
      using weight = roundToFloat8(w);
      const wanted = linear(x, w);
      const off = error(float8Linear(x, weight, undefined, scaling), wanted);
      expect(off).toBeLessThan(0.04);
      expect(off).toBeGreaterThan(0.02); // it is no float32 product
      expect(error(widenFloat8(weight), w)).toBeLessThan(0.028);
    });
  });

  test("takes bfloat16 and float32, any leading dimensions, views, a bias, no rows, and sizes that are no multiples of 16", () => {
    scope(() => {
      using generator = new Generator(3);
      for (const [inputs, outputs] of [
        [40, 5],
        [16, 32],
        [300, 33],
      ] as const)
        for (const dtype of ["float32", "bfloat16"] as const) {
          const w = randn([outputs, inputs], generator).to({ dtype });
          const bias = randn([outputs], generator).to({ dtype });
          const x = randn([2, 3, inputs], generator).to({ dtype });
          using weight = roundToFloat8(w);
          const y = float8Linear(x, weight, bias, scaling);
          expect([y.dtype, y.shape, weight.shape]).toEqual([dtype, [2, 3, outputs], [outputs, inputs]]);
          expect(error(y.to({ dtype: "float32" }), linear(x, w, bias).to({ dtype: "float32" }))).toBeLessThan(0.06);
          const turned = float8Linear(x.transpose(0, 1), weight, bias, scaling);
          expect(turned.transpose(0, 1).toNumbers()).toEqual(y.toNumbers());
          expect(float8Linear(x.narrow(0, 0, 0), weight, bias, scaling).shape).toEqual([0, 3, outputs]);
        }
    });
  });

  test("keeps zeros, takes tiny values for zeros, and what is not finite stays in its row", () => {
    scope(() => {
      const { w } = layer();
      using weight = roundToFloat8(w);
      const x = tensor([
        new Array(512).fill(1),
        new Array(512).fill(0),
        [Number.NaN, ...new Array(511).fill(1)],
        [Number.POSITIVE_INFINITY, ...new Array(511).fill(1)],
        new Array(512).fill(1e-38),
      ]);
      const rows = float8Linear(x, weight, undefined, scaling)
        .unbind(0)
        .map((row) => row.toNumbers());
      expect(rows[0]?.every(Number.isFinite)).toBe(true);
      expect(rows[1]?.every((value) => value === 0)).toBe(true);
      expect(rows[2]?.every(Number.isNaN)).toBe(true);
      expect(rows[3]?.every(Number.isNaN)).toBe(true);
      expect(rows[4]?.every((value) => value === 0)).toBe(true);
    });
  });
});

describe("float8 weights", () => {
  test("both ways to hand over scales give the same numbers, up to rounding", () => {
    scope(() => {
      const { x, w } = layer();
      using weight = roundToFloat8(w);
      for (const [dtype, most] of [
        ["float32", 1e-6],
        ["bfloat16", 0.005],
      ] as const) {
        const [rows, after] = SCALINGS.map((scaling) =>
          float8Linear(x.to({ dtype }), weight, undefined, scaling).to({ dtype: "float32" }),
        );
        expect(error(rows as Tensor, after as Tensor)).toBeLessThan(most);
      }
    });
  });

  test("several with the same rows give what each gives", () => {
    scope(() => {
      const { x, w } = layer();
      using first = roundToFloat8(w);
      using second = roundToFloat8(w.narrow(0, 0, 33).mul(2));
      const [a, b] = float8Linears(x, [first, second]);
      expect([a?.shape, b?.shape]).toEqual([
        [64, 256],
        [64, 33],
      ]);
      expect(a?.toNumbers()).toEqual(float8Linear(x, first).toNumbers());
      expect(b?.toNumbers()).toEqual(float8Linear(x, second).toNumbers());
      using other = roundToFloat8(tensor([[1]]));
      expect(() => float8Linears(x, [first, other])).toThrow("the weight has 1 inputs");
    });
  });

  test("are no weights of whole numbers to TypeScript, nor the other way round", () => {
    expectTypeOf<QuantizedWeight>().not.toExtend<Float8Weight>();
    expectTypeOf<Float8Weight>().not.toExtend<QuantizedWeight>();
    expectTypeOf<Exclude<Tensor | QuantizedWeight | Float8Weight, Float8Weight>>().toEqualTypeOf<
      Tensor | QuantizedWeight
    >();
  });

  test("rotating blocks would help neither with outliers nor without", () => {
    scope(() => {
      for (const times of [1, 30]) {
        const { x, w } = layer({ times, rows: 128, inputs: 1024 });
        const wanted = linear(x, w);
        using plain = roundToFloat8(w);
        using rotated = roundToFloat8(rotateBlocks(w));
        const off = error(float8Linear(x, plain), wanted);
        expect(error(float8Linear(rotateBlocks(x), rotated), wanted)).toBeGreaterThan(0.98 * off);
      }
    });
  });

  test("refuse what they cannot do, with the reason", () => {
    scope(() => {
      using weight = roundToFloat8(tensor([[1, 2, 3]]));
      const x = tensor([[1, 2, 3]]);
      expect(() => float8Linear(tensor([[1, 2]]), weight)).toThrow("x is float32 [1, 2], and the weight has 3 inputs");
      expect(() => float8Linear(x.to({ dtype: "float16" }), weight)).toThrow("takes float32 or bfloat16");
      expect(() => float8Linear(x.clone().setRequiresGrad(), weight)).toThrow("no gradients");
      expect(() => roundToFloat8(tensor([[1, Number.NaN]]))).toThrow("not finite");
      expect(() => roundToFloat8(tensor([[1, Number.NEGATIVE_INFINITY]]))).toThrow("not finite");
      expect(() => roundToFloat8(tensor([1, 2]))).toThrow("takes a float32 or bfloat16 matrix, got float32 [2]");
      expect(() => new Float8Weight(weight.packed, weight.scales, [17, 3])).toThrow(
        "a float8 weight [17, 3] has a float8_e4m3fn [32, 16], got float8_e4m3fn [16, 16]",
      );
      expect(() => new Float8Weight(zeros([16, 16]), weight.scales, [1, 3])).toThrow("got float32 [16, 16]");
    });
  });

  test("leave nothing behind, in inference mode or out of it", ({ memoryAtStart }) => {
    for (let i = 0; i < 3; i++)
      scope(() => {
        const { x, w } = layer({ rows: 4, inputs: 64, outputs: 30 });
        using weight = roundToFloat8(w);
        using moved = weight.to("cpu");
        float8Linear(x, moved);
        inferenceMode(() => scope(() => void float8Linear(x, weight)));
      });
    expect(memory()).toEqual(memoryAtStart);
  });
});

describe("a device", () => {
  test("that multiplies no float8 is refused, with libtorch's reason and the remedy", () => {
    refusing.scaledMm = () =>
      "torch._scaled_mm is only supported on CUDA devices with compute capability >= 9.0 or 8.9\nat";
    expect(() => tryFloat8("cpu")).toThrow(UnsupportedError);
    expect(() => tryFloat8("cpu")).toThrow(
      /^cpu multiplies no float8, which takes a GPU .* 8\.9 or newer: quantize to int8 there \(libtorch: torch._scaled_mm is only .* 8\.9\)$/,
    );
  });

  test("that takes no scales of rows, or not for float32, has them applied to the sums", () => {
    expect(requireFloat8("cpu")).toEqual({ float32: "rows", bfloat16: "rows" });
    refusing.scaledMm = ([, , scales, , , , dtype]) =>
      dtype === "float32" && (scales as Tensor).numel > 1
        ? "Only bf16 high precision output types are supported for row-wise scaling."
        : undefined;
    expect(tryFloat8("cpu")).toEqual({ float32: "after", bfloat16: "rows" });
  });

  test("that ran out of memory meanwhile is neither: that is said, and nothing is concluded", () => {
    for (const isOut of [() => true, (scales: Tensor) => scales.numel > 1]) {
      refusing.scaledMm = ([, , scales]) =>
        isOut(scales as Tensor) ? "CUDA out of memory. Tried to allocate 20.00 MiB." : undefined;
      expect(() => tryFloat8("cpu")).toThrow(
        /^it could not be found out whether cpu (multiplies float8|scales rows .* in float32): CUDA out of memory/,
      );
      expect(() => tryFloat8("cpu")).not.toThrow(UnsupportedError);
    }
    refusing.scaledMm = undefined;
    expect(tryFloat8("cpu")).toEqual({ float32: "rows", bfloat16: "rows" });
  });
});

/** By the definition: sign, 4 or 5 bits of exponent, 3 or 2 of mantissa. */
function codedValue(code: number, dtype: "float8_e4m3fn" | "float8_e5m2"): number {
  const [width, bias] = dtype === "float8_e4m3fn" ? [3, 7] : [2, 15];
  const sign = code & 0x80 ? -1 : 1;
  const exponent = (code & 0x7f) >> width;
  const mantissa = (code & ((1 << width) - 1)) / (1 << width);
  if (dtype === "float8_e4m3fn" && (code & 0x7f) === 0x7f) return Number.NaN;
  if (dtype === "float8_e5m2" && exponent === 31) return mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * mantissa * 2 ** (1 - bias) : sign * (1 + mantissa) * 2 ** (exponent - bias);
}

describe.each(["float8_e4m3fn", "float8_e5m2"] as const)("%s", (dtype) => {
  const codes = Uint8Array.from({ length: 256 }, (_, code) => code);

  test("has the values of its definition, and every one survives float32", () => {
    scope(() => {
      const x = fromBuffer(codes, [256], dtype);
      expect(x.toNumbers()).toEqual(Array.from(codes, (code) => codedValue(code, dtype)));
      const back = x.to({ dtype: "float32" }).to({ dtype });
      expect(back.toNumbers()).toEqual(x.toNumbers());
      expect(x.data(dtype)).toEqual(codes);
    });
  });

  test("prints its values, and says what it lacks", () => {
    scope(() => {
      const x = tensor([1, -2], { dtype });
      expect(String(x)).toMatch(/ 1\n-2\n\[ CPUFloat8_e/);
      expect(() => x.add(x)).toThrow(new RegExp(`self ${dtype} \\[2\\].*not implemented for 'Float8_`));
      expect(() => x.sum()).toThrow(new RegExp(`self ${dtype} \\[2\\].*not implemented for 'Float8_`));
    });
  });
});
