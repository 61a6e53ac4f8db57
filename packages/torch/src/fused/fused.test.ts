/** Operators that go in one pass, against libtorch's one by one: the same bits where the order of operations is the same,
 *  else within a few units in the last place; and the same bits by every kernel that this processor has. */
import fc from "fast-check";
import { describe, expect } from "vitest";
import {
  cat,
  type DType,
  fusedKernels,
  fusedRmsNorm,
  Generator,
  inferenceMode,
  onlineSoftmax_,
  onlineSoftmaxState,
  randn,
  rotateHalves_,
  scope,
  setThreads,
  siluMul_,
  type Tensor,
  tensor,
} from "../index.js";
import { test } from "../testing/test.js";

const KERNELS = fusedKernels();
const DTYPES = ["float32", "bfloat16"] as const;

function random(shape: readonly number[], dtype: DType, seed = 1, scale = 1): Tensor {
  using generator = new Generator(seed);
  return scope(() => randn(shape, generator).mul(scale).to({ dtype }));
}

/** The largest difference, in units of the larger value's size and never below `least`. */
function deviation(got: Tensor, wanted: Tensor, least = 1e-6): number {
  const [a, b] = [got.toNumbers(), wanted.toNumbers()];
  expect(a).toHaveLength(b.length);
  return Math.max(
    0,
    ...a.map((x, i) => (Object.is(x, b[i]) ? 0 : Math.abs(x - (b[i] as number)) / Math.max(least, Math.abs(x)))),
  );
}

test("there is a plain kernel on every processor, and it is the last", () => {
  expect(KERNELS.at(-1)).toBe("plain");
  expect(new Set(KERNELS).size).toBe(KERNELS.length);
  scope(() => {
    const x = random([2, 4], "float32");
    expect(() => siluMul_(x, x.clone(), "sse2")).toThrow("there is no kernel sse2");
  });
});

// Whole vectors, less than one, and one that is not full.
const WIDTHS = [1, 5, 8, 24, 127, 520];

describe.each(DTYPES)("in %s", (dtype) => {
  // Of one rounding more or less at the border between two values.
  const close = dtype === "float32" ? 5e-7 : 8e-3;

  test("the norm is that of operators one by one", () =>
    scope(() => {
      for (const width of WIDTHS) {
        const [x, weight] = [random([2, 3, width], dtype, width, 3), random([width], dtype, 7)];
        const wide = x.to({ dtype: "float32" });
        const normed = wide.mul(wide.square().mean([-1], true).add(1e-5).rsqrt()).to({ dtype });
        for (const kernel of KERNELS) {
          const got = fusedRmsNorm(x, weight, 1e-5, kernel);
          expect([got.dtype, got.shape]).toEqual([dtype, x.shape]);
          expect(deviation(got, normed.mul(weight))).toBeLessThan(close);
          expect(got.toNumbers()).toEqual(fusedRmsNorm(x, weight, 1e-5, "plain").toNumbers());
        }
        // Rows that do not lie side by side.
        expect(fusedRmsNorm(x.transpose(0, 1), weight, 1e-5).toNumbers()).toEqual(
          fusedRmsNorm(x.transpose(0, 1).contiguous(), weight, 1e-5).toNumbers(),
        );
      }
    }));

  test("silu(gate) * up is that of operators one by one, at the extremes too", () =>
    scope(() => {
      const oo = Number.POSITIVE_INFINITY;
      const edges = tensor([-oo, -200, -104, -88.5, -87, -1e-30, -0, 0, 1e-30, 1, 20, 88.5, 104, 1e30, oo, Number.NaN]);
      for (const width of WIDTHS)
        for (const gate of [random([3, width], dtype, width, 6), edges.to({ dtype })]) {
          const up = random(gate.shape, dtype, 3);
          const wanted = gate.silu().mul(up);
          for (const kernel of KERNELS) {
            const got = gate.clone();
            expect(siluMul_(got, up, kernel)).toBe(got);
            expect(deviation(got, wanted, 1e-30)).toBeLessThan(close);
            expect(got.toNumbers()).toEqual(siluMul_(gate.clone(), up, "plain").toNumbers());
          }
        }
    }));

  test("pairs are turned with the very bits of operators one by one", () =>
    scope(() => {
      for (const half of [1, 3, 4, 8, 20, 64])
        for (const batch of [1, 2]) {
          // As heads lie: [B, L, N, H] in memory.
          const x = () => random([2, 5, 3, 2 * half], dtype, half).transpose(1, 2);
          const [cos, sin] = [1, 2].map((seed) => random([batch, 1, 5, 2 * half], dtype, seed)) as [Tensor, Tensor];
          const turned = cat([x().narrow(-1, half, half).neg(), x().narrow(-1, 0, half)], -1);
          const wanted = x().mul(cos).add(turned.mul(sin)).toNumbers();
          for (const kernel of KERNELS) {
            const got = x();
            expect(rotateHalves_(got, cos, sin, kernel)).toBe(got);
            expect(got.toNumbers()).toEqual(wanted);
          }
        }
    }));
});

describe("softmax sums of logits that come in pieces", () => {
  /** [largest, token, sum of e^z, sum of z e^z] of each row in plain float64. */
  function wantedOf(rows: number[][]): number[][] {
    return rows.map((row) => {
      const isNan = row.some(Number.isNaN);
      const top = isNan ? Number.NaN : Math.max(...row);
      const token = row.findIndex((x) => Object.is(x, top) || x === top);
      const others = row.filter((_, i) => i !== token && row[i] !== Number.NEGATIVE_INFINITY).map((x) => x - top);
      const weights = others.map(Math.exp);
      const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
      return [top, token, sum(weights), sum(weights.map((w, i) => w * (others[i] as number)))];
    });
  }

  const rowsOf = (rows: number[][], dtype: DType): Tensor =>
    scope(() => tensor(rows.flat(), { dtype: "float64" }).view([rows.length, -1]).to({ dtype }));

  function sums(logits: Tensor, piece: number, precise: boolean, kernel?: string): number[][] {
    return scope(() => {
      const [rows = 0, count = 0] = logits.shape;
      const state = onlineSoftmaxState(rows);
      for (let first = 0; first < count; first += piece)
        onlineSoftmax_(state, logits.narrow(1, first, Math.min(piece, count - first)), first, precise, kernel);
      return state
        .t()
        .contiguous()
        .unbind(0)
        .map((row) => row.toNumbers());
    });
  }

  // Few values, so that there are ties; and what forbidding and overflow leave behind.
  const logit = fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: -40, max: 40 }).map((x) => x / 4) },
    { weight: 1, arbitrary: fc.constantFrom(Number.NEGATIVE_INFINITY, -1000, 1000) },
  );
  const shapes = fc.record({
    dtype: fc.constantFrom(...DTYPES),
    piece: fc.integer({ min: 1, max: 40 }),
    rows: fc
      .integer({ min: 1, max: 70 })
      .chain((width) =>
        fc.array(fc.array(logit, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 4 }),
      ),
  });

  test("are those of the whole row, whatever the pieces", () => {
    fc.assert(
      fc.property(shapes, ({ dtype, piece, rows }) =>
        scope(() => {
          const logits = rowsOf(rows, dtype);
          const wanted = wantedOf(logits.unbind(0).map((row) => row.toNumbers()));
          for (const precise of [false, true]) {
            const got = sums(logits, piece, precise);
            for (const kernel of KERNELS) expect(sums(logits, piece, precise, kernel)).toEqual(got);
            const within = precise ? 1e-13 : 1e-6;
            for (const [i, [top, token, others = 0, surprise = 0]] of wanted.entries()) {
              expect(got[i]?.slice(0, 2)).toEqual([top, token]);
              if (top === Number.NEGATIVE_INFINITY) continue;
              expect(Math.abs((got[i]?.[2] ?? 0) - others)).toBeLessThanOrEqual(within * (others + 1e-30));
              expect(Math.abs((got[i]?.[3] ?? 0) - surprise)).toBeLessThanOrEqual(within * (10 - surprise));
            }
          }
        }),
      ),
      { numRuns: 150 },
    );
  });

  test("over a whole vocabulary, more than one thread's and a block's worth", () =>
    scope(() => {
      setThreads(2);
      for (const dtype of DTYPES) {
        const logits = random([6, 20_001], dtype, 4, 5);
        const wide = logits.to({ dtype: "float64" });
        const [top, token] = wide.maxDim(1);
        const others = wide.logsumexp([1]).sub(top).exp().sub(1).toNumbers();
        for (const [precise, within] of [
          [false, 1e-6],
          [true, 1e-12],
        ] as const)
          for (const piece of [2048, 20_001]) {
            const got = sums(logits, piece, precise);
            expect(got.map(([t]) => t)).toEqual(top.toNumbers());
            expect(got.map(([, id]) => id)).toEqual(token.toNumbers());
            for (const [i, value] of others.entries())
              expect(Math.abs((got[i]?.[2] ?? 0) / value - 1)).toBeLessThan(within);
          }
      }
      setThreads(1);
    }));

  test("what is no number stays, and so does infinity", () => {
    const [oo, no] = [Number.POSITIVE_INFINITY, Number.NaN];
    const rows = [
      [1, no, 2, no],
      [1, 2, oo, oo],
      [oo, 1, no, 2],
      [-oo, -oo, -oo, -oo],
    ];
    for (const kernel of KERNELS)
      for (const piece of [1, 2, 4])
        scope(() => {
          const got = sums(rowsOf(rows, "float32"), piece, false, kernel);
          expect(got.map(([top]) => top)).toEqual([no, oo, no, -oo]);
          expect(got.map(([, token]) => token)).toEqual([1, 2, 2, 0]);
          expect(got.slice(0, 3).map(([, , others]) => others)).toEqual([no, no, no]);
        });
  });

  test("are added in inference, in the state's own memory", ({ left }) => {
    inferenceMode(() =>
      scope(() => {
        const state = onlineSoftmaxState(2);
        const logits = random([2, 9], "float32");
        expect(onlineSoftmax_(state, logits, 0)).toBe(state);
      }),
    );
    expect(left()).toBe(0);
  });
});

test("what does not fit, and what is recorded, is refused", () =>
  scope(() => {
    const x = random([1, 2, 3, 4], "float32");
    const y = random([2, 4], "float32");
    const wide = y.to({ dtype: "float64" });
    expect(() => fusedRmsNorm(wide, wide, 1e-5)).toThrow("takes float32 or bfloat16 on the CPU, got float64 [2, 4]");
    expect(() => fusedRmsNorm(y, y, 1e-5)).toThrow("the weight does not fit");
    expect(() => siluMul_(y.t(), y.t())).toThrow("contiguous");
    expect(() => siluMul_(y, x)).toThrow("up does not fit");
    expect(() => rotateHalves_(y, y, y)).toThrow("takes dense float32 or bfloat16 [B, N, L, H]");
    expect(() => rotateHalves_(x, x, x)).toThrow("the table does not fit");
    expect(() => rotateHalves_(y.view([1, 1, 2, 4]).expand([1, 3, 2, 4]), x, x)).toThrow("dense");
    expect(() => onlineSoftmax_(onlineSoftmaxState(3), y, 0)).toThrow("the state is not that of these rows");
    expect(() => onlineSoftmax_(onlineSoftmaxState(2), y, -1)).toThrow("ids begin at 0");
    expect(() => onlineSoftmax_(onlineSoftmaxState(2), wide, 0)).toThrow("takes rows of float32 or bfloat16");
    const recorded = random([2, 4], "float32").setRequiresGrad();
    expect(() => siluMul_(recorded.mul(2), y)).toThrow("has no gradients");
    expect(() => fusedRmsNorm(recorded, y.select(0, 0), 1e-5)).toThrow("has no gradients");
  }));
