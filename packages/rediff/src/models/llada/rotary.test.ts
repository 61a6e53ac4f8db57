import { Generator, memory, randn, scope, type Tensor } from "@rediff/torch";
import { describe, expect, test } from "vitest";
import type { LladaConfig, RopeScaling } from "./llada-config.js";
import { Rotary, type RotaryTables, rotate_ } from "./rotary.js";

function config(given: Partial<LladaConfig> = {}): LladaConfig {
  return {
    vocabSize: 10,
    hiddenSize: 16,
    intermediateSize: 16,
    layers: 1,
    heads: 2,
    kvHeads: 2,
    headDim: 8,
    rmsNormEps: 1e-5,
    ropeTheta: 10_000,
    ropeScaling: undefined,
    maxPositions: 16,
    ...given,
  };
}

const counting = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** cos and sin of position * theta^(-2j/H), the H/2 angles twice: [L, H] */
function plainTables(positions: number[], theta: number, headDim: number): { cos: number[]; sin: number[] } {
  const angles = positions.flatMap((position) =>
    counting(headDim).map((j) => position * theta ** (-(2 * (j % (headDim / 2))) / headDim)),
  );
  return { cos: angles.map(Math.cos), sin: angles.map(Math.sin) };
}

function expectClose(got: Tensor, wanted: number[], tolerance: number): void {
  const numbers = got.toNumbers();
  expect(numbers).toHaveLength(wanted.length);
  const worst = Math.max(...numbers.map((x, i) => Math.abs(x - (wanted[i] as number))));
  expect(worst).toBeLessThan(tolerance);
}

function expectTables(got: RotaryTables, positions: number[], theta: number, headDim = 8): void {
  const wanted = plainTables(positions, theta, headDim);
  expectClose(got.cos, wanted.cos, 1e-5);
  expectClose(got.sin, wanted.sin, 1e-5);
}

describe("tables", () => {
  test("of any positions, one list for each row of a batch", () => {
    const rotary = new Rotary(config());
    const { cos, sin } = rotary.tables(
      [
        [0, 1, 2],
        [5, 3, 11],
      ],
      "float32",
      "cpu",
    );
    expect([cos.shape, sin.shape]).toEqual([
      [2, 1, 3, 8],
      [2, 1, 3, 8],
    ]);
    expectTables({ cos, sin }, [0, 1, 2, 5, 3, 11], 10_000);
  });

  test("are rounded once to the dtype of the activations", () => {
    const rotary = new Rotary(config());
    const wide = rotary.tables([counting(9)], "float32", "cpu");
    const narrow = rotary.tables([counting(9)], "bfloat16", "cpu");
    expect(narrow.cos.dtype).toBe("bfloat16");
    expect(narrow.cos.toNumbers()).toEqual(wide.cos.to({ dtype: "bfloat16" }).toNumbers());
  });

  test("linear scaling divides positions", () => {
    const rotary = new Rotary(config({ ropeScaling: { type: "linear", factor: 4 } }));
    const positions = counting(20);
    expectTables(
      rotary.tables([positions], "float32", "cpu"),
      positions.map((p) => p / 4),
      10_000,
    );
  });

  describe("dynamic scaling", () => {
    const ropeScaling: RopeScaling = { type: "dynamic", factor: 2 };
    /** theta (factor L / max - (factor - 1))^(H / (H - 2)) */
    const stretched = (length: number) => 10_000 * ((2 * length) / 16 - 1) ** (8 / 6);

    test("stretches the base beyond the trained length only", () => {
      const rotary = new Rotary(config({ ropeScaling }));
      expectTables(rotary.tables([counting(16)], "float32", "cpu"), counting(16), 10_000);
      expectTables(rotary.tables([counting(17)], "float32", "cpu"), counting(17), stretched(17));
      expectTables(rotary.tables([counting(40)], "float32", "cpu"), counting(40), stretched(40));
      expectTables(rotary.tables([counting(16)], "float32", "cpu"), counting(16), 10_000);
    });
  });

  test("leave nothing behind but themselves", () => {
    const before = memory().tensors;
    const { cos, sin } = new Rotary(config()).tables([counting(4)], "bfloat16", "cpu");
    expect(memory().tensors).toBe(before + 2);
    cos.dispose();
    sin.dispose();
  });
});

describe("rotate_", () => {
  const positions = [3, 0, 7];
  const random = (shape: number[], dtype: "float32" | "float64" | "bfloat16" = "float64"): Tensor => {
    using generator = new Generator(2);
    return randn(shape, generator).to({ dtype });
  };

  test("turns the pairs (x_j, x_{j + H/2}) in the plane", () => {
    const x = random([2, 3, 3, 8]); // [B, N, L, H]
    const tables = new Rotary(config()).tables([positions], "float64", "cpu");
    const values = x.toNumbers();
    const got = rotate_(x, tables).toNumbers();
    const wanted = values.map((value, at) => {
      const j = at % 8;
      const position = positions[Math.floor(at / 8) % 3] as number;
      const angle = position * 10_000 ** (-(2 * (j % 4)) / 8);
      return j < 4
        ? value * Math.cos(angle) - (values[at + 4] as number) * Math.sin(angle)
        : value * Math.cos(angle) + (values[at - 4] as number) * Math.sin(angle);
    });
    for (const [i, value] of got.entries()) expect(value).toBeCloseTo(wanted[i] as number, 5);
    expect(() => x.toNumbers()).toThrow("freed"); // used up
  });

  test("products of queries and keys depend on the distance alone", () => {
    const rotary = new Rotary(config());
    const [q, k] = random([2, 1, 1, 1, 8], "float32").unbind(0) as [Tensor, Tensor];
    const product = (at: number, from: number) =>
      scope(() =>
        rotate_(q.clone(), rotary.tables([[at]], "float32", "cpu"))
          .mul(rotate_(k.clone(), rotary.tables([[from]], "float32", "cpu")))
          .sum()
          .item(),
      );
    expect(product(9, 4)).toBeCloseTo(product(5, 0), 4);
    expect(product(9, 4)).not.toBeCloseTo(product(4, 9), 2);
  });

  test("in bfloat16 rounds after every step, as the reference does", () => {
    const x = random([1, 1, 3, 8], "bfloat16");
    const { cos, sin } = new Rotary(config()).tables([positions], "bfloat16", "cpu");
    const [xs, cosines, sines] = [x, cos, sin].map((t) => t.toNumbers()) as [number[], number[], number[]];
    const wanted = xs.map((value, i) => {
      const partner = i % 8 < 4 ? -(xs[i + 4] as number) : (xs[i - 4] as number);
      return bfloat16(bfloat16(value * (cosines[i] as number)) + bfloat16(partner * (sines[i] as number)));
    });
    expect(rotate_(x, { cos, sin }).toNumbers()).toEqual(wanted);
  });
});

/** The nearest bfloat16, of two the even one. */
function bfloat16(value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer);
  const word = bits[0] as number;
  bits[0] = word + 0x7fff + ((word >>> 16) & 1);
  bits[0] &= 0xffff0000;
  return new Float32Array(bits.buffer)[0] as number;
}
