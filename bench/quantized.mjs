// One linear layer in float32, bfloat16, int8 and int4, at the shapes of an 8B model, in turns within one process:
//
//   node bench/quantized.mjs [--rows 32,128,800] [--threads 1] [--repeats 5] [--kernels]
//
// Processor seconds, the least of the repeats: on a busy machine wall times say nothing. What is compared is the ratio
// to float32 (the faster of libtorch's two), and the error of each against float32, with a few input channels 30 times
// as large as the others. --kernels adds every kernel that this processor has.
import { parseArgs } from "node:util";
import {
  call,
  Generator,
  inferenceMode,
  linear,
  quantizedKernels,
  quantizedLinear,
  quantizeWeight,
  randn,
  scope,
  setThreads,
} from "../packages/torch/dist/index.js";

const SHAPES = [
  [4096, 4096],
  [12_288, 4096],
  [4096, 12_288],
];

const { values } = parseArgs({
  options: {
    rows: { type: "string", default: "32,128,800" },
    threads: { type: "string", default: "1" },
    repeats: { type: "string", default: "5" },
    kernels: { type: "boolean", default: false },
  },
});
setThreads(Number(values.threads));

/** @param {import("../packages/torch/dist/index.js").Tensor} x */
function outliers(x) {
  for (const channel of [3, 500, 1001, 2222]) x.narrow(1, channel, 1).mul_(30);
  return x;
}

/** Seconds of this process's processors. @param {() => void} body */
function seconds(body) {
  const before = process.cpuUsage();
  scope(body);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

const kernels = quantizedKernels();
console.log(`kernels here: ${kernels.join(", ")}; ${values.threads} thread(s), GFLOP/s by processor time (x float32)`);
inferenceMode(() => {
  const generator = new Generator(1);
  for (const [outputs, inputs] of SHAPES)
    scope(() => {
      const w = randn([outputs, inputs], generator).div(Math.sqrt(inputs));
      const half = w.to({ dtype: "bfloat16" });
      const [w8, w4] = [quantizeWeight(w, 8), quantizeWeight(w, 4)];
      for (const rows of values.rows.split(",").map(Number))
        scope(() => {
          const x = outliers(randn([rows, inputs], generator));
          const xHalf = x.to({ dtype: "bfloat16" });
          const wanted = linear(x, w);
          /** @type {[string, () => import("../packages/torch/dist/index.js").Tensor][]} */
          const ways = [
            ["float32 (aten)", () => linear(x, w)],
            ["float32 (oneDNN)", () => call("mkldnn::_linear_pointwise", x, w, undefined, "none", [], "")],
            ["bfloat16", () => linear(xHalf, half)],
            ["int8", () => quantizedLinear(x, w8)],
            ["int4", () => quantizedLinear(x, w4)],
            ...(values.kernels ? kernels.slice(1, -1) : []).flatMap((kernel) => [
              [`int8 (${kernel})`, () => quantizedLinear(x, w8, undefined, kernel)],
              [`int4 (${kernel})`, () => quantizedLinear(x, w4, undefined, kernel)],
            ]),
          ];
          const least = new Map(ways.map(([name]) => [name, Number.POSITIVE_INFINITY]));
          for (let i = 0; i < Number(values.repeats); i++)
            for (const [name, run] of ways)
              least.set(
                name,
                Math.min(
                  least.get(name),
                  seconds(() => void run()),
                ),
              );
          const yardstick = Math.min(least.get("float32 (aten)"), least.get("float32 (oneDNN)"));
          console.log(`${rows} rows, ${inputs} -> ${outputs}`);
          for (const [name, run] of ways)
            scope(() => {
              const off =
                run().to({ dtype: "float32" }).sub(wanted).square().sum().item() / wanted.square().sum().item();
              const rate = (2 * rows * inputs * outputs) / least.get(name) / 1e9;
              const times = (yardstick / least.get(name)).toFixed(2);
              console.log(
                `  ${name.padEnd(20)}${rate.toFixed(0).padStart(6)}  ${times}x  error ${(100 * Math.sqrt(off)).toFixed(2)} %`,
              );
            });
        });
      for (const weight of [w8, w4]) weight[Symbol.dispose]();
    });
  generator[Symbol.dispose]();
});
