/** What is measured to choose kernels, in a second or two: once per processor and libtorch, or when asked for anew. */
import os from "node:os";
import {
  Generator,
  getThreads,
  noGrad,
  randn,
  scope,
  setThreads,
  siluMul_,
  type Tensor,
  widenedLinear,
} from "@rediff/torch";
import { attendThroughFloat32, attentions, floatProducts, hasOneDnn, hasTiles, throughFloat32 } from "./products.js";
import type { MeasuredTimes } from "./times-file.js";
import { leastTimes, withOneThread } from "./timing.js";

/** Rows of a decoding step with a cache, and of a whole prompt. */
export const FEW_ROWS = 64;
export const MANY_ROWS = 512;
const WEIGHT = { outputs: 2048, inputs: 1024 };
/** Of bfloat16: rows between whose times lines are drawn. A handful, for which widening a weight is most of the work; those of a
 *  cached step; and many, which pay for it together: processors that have the instruction may still be slower with it than in
 *  float32. */
export const BFLOAT16_ROWS = { few: 4, some: 128, many: MANY_ROWS };
const ATTENTION = { heads: 4, rows: 128, positions: 1024, width: 128 };
/** Of one row of a gate. */
const GATE_WIDTH = 4096;

export function measureKernels(): MeasuredTimes {
  return { ...measureOneThread(), threads: measureThreads() };
}

/** Two threads on one core, or more than a container may use, can take longer than fewer would. Of one or two there is
 *  nothing to choose. */
function measureThreads(): MeasuredTimes["threads"] {
  const usual = getThreads();
  if (usual <= 2) return [];
  const counts = new Set([usual, Math.ceil(usual / 2), Math.min(usual, os.availableParallelism())]);
  return noGrad(() =>
    scope(() => {
      using generator = new Generator(1);
      const [x, weight] = [randn([MANY_ROWS, 2048], generator), randn([2048, 2048], generator)];
      const product = run(() => floatProducts.aten(x, weight));
      try {
        const times = leastTimes(
          Object.fromEntries(
            [...counts].map((threads) => [
              String(threads),
              () => {
                setThreads(threads);
                product();
              },
            ]),
          ),
          { now: () => performance.now() },
        );
        return [...counts].map((threads) => ({ threads, ms: times[String(threads)] ?? Number.POSITIVE_INFINITY }));
      } finally {
        setThreads(usual);
      }
    }),
  );
}

function measureOneThread(): Omit<MeasuredTimes, "threads"> {
  return noGrad(() =>
    withOneThread(() =>
      scope(() => {
        using generator = new Generator(1);
        const random = (...shape: number[]): Tensor => randn(shape, generator);
        const weight = random(WEIGHT.outputs, WEIGHT.inputs);
        const inputs = (rows: number): Tensor => random(rows, WEIGHT.inputs);
        const products = (rows: number) => {
          const x = inputs(rows);
          const aten = run(() => floatProducts.aten(x, weight));
          return hasOneDnn()
            ? leastTimes({ aten, onednn: run(() => floatProducts.onednn(x, weight)) })
            : leastTimes({ aten });
        };
        const few: MeasuredTimes["few"] = products(FEW_ROWS);
        const many: MeasuredTimes["many"] = products(MANY_ROWS);
        const narrow = { dtype: "bfloat16" } as const;
        const narrowWeight = weight.to(narrow);
        const float = (few.onednn ?? Number.POSITIVE_INFINITY) < few.aten ? floatProducts.onednn : floatProducts.aten;
        const bfloat16 = (rows: number): MeasuredTimes["bfloat16"]["few"] => {
          const x = inputs(rows).to(narrow);
          const native = run(() => floatProducts.aten(x, narrowWeight));
          const float32 = run(() => throughFloat32(x, narrowWeight, undefined, float));
          if (!hasTiles()) return leastTimes({ native, float32 });
          return leastTimes({ native, float32, tiles: run(() => widenedLinear(x, narrowWeight)) });
        };
        const { heads, rows, positions, width } = ATTENTION;
        const q = random(1, heads, rows, width);
        const [k, v] = [random(1, heads, positions, width), random(1, heads, positions, width)];
        const attention: MeasuredTimes["attention"] = leastTimes({
          fused: run(() => attentions.fused(q, k, v)),
          products: run(() => attentions.products(q, k, v)),
        });
        const wideKernel = attention.products < attention.fused ? "products" : "fused";
        const [manyQ, manyK, manyV] = [MANY_ROWS, positions, positions].map((count) =>
          random(1, heads, count, width).to(narrow),
        ) as [Tensor, Tensor, Tensor];
        const [gate, up] = [random(MANY_ROWS, GATE_WIDTH).to(narrow), random(MANY_ROWS, GATE_WIDTH).to(narrow)];
        return {
          few,
          many,
          bfloat16: {
            few: bfloat16(BFLOAT16_ROWS.few),
            some: bfloat16(BFLOAT16_ROWS.some),
            many: bfloat16(BFLOAT16_ROWS.many),
          },
          attention,
          bfloat16Attention: leastTimes({
            native: run(() => attentions.fused(manyQ, manyK, manyV)),
            float32: run(() => attendThroughFloat32(manyQ, manyK, manyV, wideKernel)),
          }),
          // In the place of one that holds whatever it comes to: zeros, which are no slower.
          bfloat16Gate: leastTimes({
            fused: run(() => siluMul_(gate, up)),
            operators: run(() => gate.silu_().mul_(up)),
          }),
        };
      }),
    ),
  );
}

/** Freeing belongs to a call. */
const run = (body: () => Tensor) => (): void => scope(() => void body());
