// npm run bench -- kernels: libtorch's own products beside oneDNN's, bfloat16 as it is beside both ways of float32, fused
// attention beside two products, for the shapes of models; and what goes in one pass beside operators one by one. In turns in one process, by processor time with one thread, so
// that it says something on a busy machine, too; each figure is the least of the rounds.

import { Generator, noGrad, randn, scope, setThreads, widenedLinear } from "@rediff/torch";
import { chosenKernels, kernelTimes } from "../packages/rediff/dist/models/measured/kernel-choice.js";
import { processorText } from "../packages/rediff/dist/models/measured/processor.js";
import {
  attentions,
  floatProducts,
  hasOneDnn,
  throughFloat32,
} from "../packages/rediff/dist/models/measured/products.js";
import { leastTimes } from "../packages/rediff/dist/models/measured/timing.js";
import { fusedTable } from "./fused.mjs";
import { table } from "./report.mjs";

/** Rows of a cached step, of a prompt under `pad`, of the benches' prompt and answer. */
const ROWS = [32, 128, 928, 1628];
/** [inputs, outputs]: of the small shape, of 8B's proportions, of the 8B model. */
const WEIGHTS = [
  [512, 1536],
  [2048, 2048],
  [2048, 6144],
  [4096, 4096],
];
const ATTENTION = [
  { heads: 16, rows: 128, positions: 1628 },
  { heads: 16, rows: 1628, positions: 1628 },
];

export function benchKernels({ repeats, log }) {
  setThreads(1);
  const options = { rounds: repeats, budgetMs: Number.POSITIVE_INFINITY };
  const rows = [
    [
      "product",
      "libtorch's own",
      "oneDNN",
      "own beside oneDNN",
      "bfloat16 as it is",
      "by way of float32, cast",
      "tile by tile",
    ],
  ];
  let fused = [];
  const attention = [["", "fused, ms", "two products, ms", "fused beside products"]];
  noGrad(() =>
    scope(() => {
      const generator = new Generator(1);
      const random = (...shape) => randn(shape, generator);
      const run = (body) => () => scope(() => void body());
      for (const [inputs, outputs] of WEIGHTS)
        for (const count of ROWS)
          scope(() => {
            const [x, weight] = [random(count, inputs), random(outputs, inputs)];
            const aten = run(() => floatProducts.aten(x, weight));
            const onednn = run(() => floatProducts.onednn(x, weight));
            const float = leastTimes(hasOneDnn() ? { aten, onednn } : { aten }, options);
            const [x16, weight16] = [x, weight].map((t) => t.to({ dtype: "bfloat16" }));
            const narrow = leastTimes(
              {
                native: run(() => floatProducts.aten(x16, weight16)),
                float32: run(() => throughFloat32(x16, weight16, undefined, floatProducts.aten)),
                tiles: run(() => widenedLinear(x16, weight16)),
              },
              options,
            );
            const gigaflops = (ms) => ((2e-6 * count * inputs * outputs) / ms).toFixed(0);
            log(`[${count}, ${inputs}] x [${inputs}, ${outputs}]`);
            rows.push([
              `[${count}, ${inputs}] x [${inputs}, ${outputs}]`,
              gigaflops(float.aten),
              float.onednn === undefined ? "" : gigaflops(float.onednn),
              float.onednn === undefined ? "" : `${(float.onednn / float.aten).toFixed(2)}x`,
              gigaflops(narrow.native),
              gigaflops(narrow.float32),
              gigaflops(narrow.tiles),
            ]);
          });
      for (const { heads, rows: asking, positions } of ATTENTION)
        scope(() => {
          const q = random(1, heads, asking, 128);
          const [k, v] = [random(1, heads, positions, 128), random(1, heads, positions, 128)];
          const times = leastTimes(
            { fused: run(() => attentions.fused(q, k, v)), products: run(() => attentions.products(q, k, v)) },
            options,
          );
          const name = `attention, ${heads} heads of 128, ${asking} rows, ${positions} positions`;
          log(name);
          attention.push([
            name,
            times.fused.toFixed(1),
            times.products.toFixed(1),
            `${(times.products / times.fused).toFixed(2)}x`,
          ]);
        });
      fused = fusedTable({ random, options, log });
    }),
  );
  return {
    name: "kernels",
    title: "Kernels",
    ok: true,
    text: [
      `One thread, GFLOP/s by processor time, the least time of ${repeats} rounds that took turns.`,
      "",
      table(rows),
      "",
      table(attention),
      "",
      table(fused),
      "",
      `Chosen here: ${JSON.stringify(chosenKernels(kernelTimes()))}`,
      "",
      `${new Date().toISOString().slice(0, 10)}, ${processorText()}`,
    ].join("\n"),
  };
}
