// The original's arithmetic, written out in libtorch's operators: one layer of true shapes over all rows with a dense mask of
// zeros, and head and confidences over all rows, with their softmax in float64. What it leaves out (Python, scans of the
// answer, copies of embeddings) would only add. A whole pass is as many layers, and one head.
//
//     node bench/eight/yardstick.mjs FOLDER bfloat16|float32 THREADS PROMPT

import {
  call,
  cat,
  Generator,
  getThreads,
  inferenceMode,
  linear,
  openCheckpoint,
  randn,
  scaledDotProductAttention,
  scope,
  setThreads,
  torchVersion,
  zeros,
} from "../../packages/torch/dist/index.js";
import { serve } from "../engine/protocol.mjs";
import { ANSWER, WIDTH } from "./shape.mjs";

const [folder = "", dtype = "bfloat16", threads = "1", prompt = ""] = process.argv.slice(2);
setThreads(Number(threads));
const [HEADS, HEAD] = [32, 128];
const rows = Number(prompt) + ANSWER;
const checkpoint = openCheckpoint(folder);

/** @param {string} name */
const weight = (name) => checkpoint.get(name).to({ dtype });
/** @typedef {ReturnType<typeof weight>} Tensor */

/** LlamaRMSNorm: in float32, cast back, then times the weight. @param {Tensor} x @param {Tensor} w */
const rmsNorm = (x, w) => {
  const wide = x.to({ dtype: "float32" });
  return w.mul(wide.mul(wide.pow(2).mean([-1], true).add(1e-5).rsqrt()).to({ dtype }));
};
const heads = (/** @type {Tensor} */ x) => x.view([1, rows, HEADS, HEAD]).transpose(1, 2);

function layer() {
  const of = (/** @type {string} */ name) => weight(`model.layers.0.${name}.weight`);
  const [norm1, norm2] = [of("input_layernorm"), of("post_attention_layernorm")];
  const [q, k, v, o] = ["q", "k", "v", "o"].map((name) => of(`self_attn.${name}_proj`));
  const [gate, up, down] = ["gate", "up", "down"].map((name) => of(`mlp.${name}_proj`));
  const generator = new Generator(1);
  const x = randn([1, rows, WIDTH], generator).to({ dtype });
  const angles = randn([1, 1, rows, HEAD], generator);
  const [cos, sin] = [angles.cos().to({ dtype }), angles.sin().to({ dtype })];
  generator[Symbol.dispose]();
  const mask = zeros([1, 1, rows, rows], { dtype });
  const rotate = (/** @type {Tensor} */ t) =>
    t.mul(cos).add(cat([t.narrow(-1, HEAD / 2, HEAD / 2).neg(), t.narrow(-1, 0, HEAD / 2)], -1).mul(sin));
  return () => {
    const h = rmsNorm(x, norm1);
    const [query, key] = [rotate(heads(linear(h, q))), rotate(heads(linear(h, k)))];
    const seen = scaledDotProductAttention(query, key, heads(linear(h, v)), mask);
    const y = x.add(linear(seen.transpose(1, 2).reshape([1, rows, WIDTH]), o));
    const g = rmsNorm(y, norm2);
    return y.add(linear(linear(g, gate).silu().mul(linear(g, up)), down));
  };
}

function head() {
  const w = weight("lm_head.weight");
  const generator = new Generator(2);
  const x = randn([1, rows, WIDTH], generator).to({ dtype });
  generator[Symbol.dispose]();
  return () => {
    const logits = linear(x, w).to({ dtype: "float32" });
    const chosen = logits.argmax(-1);
    return call("aten::gather", logits.to({ dtype: "float64" }).softmax(-1), -1, chosen.unsqueeze(-1));
  };
}

/** Seconds of the processors and of the clock. @param {() => () => Tensor} make */
function measure(make) {
  return inferenceMode(() =>
    scope(() => {
      const run = make();
      const [wall, before] = [performance.now(), process.cpuUsage()];
      scope(() => void run());
      const { user, system } = process.cpuUsage(before);
      return { cpu: (user + system) / 1e6, wall: (performance.now() - wall) / 1000 };
    }),
  );
}

await serve(
  { torch: torchVersion, threads: getThreads() },
  { pass: () => ({ layer: measure(layer), head: measure(head) }) },
);
