// Time per call of small operations in @rediff/torch: the same operations, in the same order, on the same numbers as
// reference/overhead.py. A call includes making and freeing its tensors, as Python's does: `per_scope` calls share a
// scope, which frees them together.
//
//     node engine/overhead.mjs [threads]

import {
  arange,
  cat,
  getThreads,
  inferenceMode,
  linear,
  noGrad,
  scaledDotProductAttention,
  scope,
  setThreads,
  torchVersion,
} from "@rediff/torch";
import { serve } from "./protocol.mjs";

const WIDTH = 64;
const HEADS = 4;
const INTERMEDIATE = 192;
const LENGTH = 16;

function waves(shape, phase, scale = 1, offset = 0) {
  const count = shape.reduce((product, size) => product * size, 1);
  return scope(() =>
    arange(0, count, 1, { dtype: "float32" }).mul(0.37).add(phase).sin().mul(scale).add(offset).view(shape),
  );
}

const makers = {
  add() {
    const [a, b] = [waves([16, 16], 0), waves([16, 16], 1)];
    return () => a.add(b);
  },
  matmul() {
    const [a, b] = [waves([64, 64], 0), waves([64, 64], 1)];
    return () => a.matmul(b);
  },
  block: makeBlock,
};

function makeBlock() {
  const x = waves([1, LENGTH, WIDTH], 0);
  const [norm1, norm2] = [1, 2].map((phase) => waves([WIDTH], phase, 0.1, 1));
  const [q, k, v, o] = [3, 4, 5, 6].map((phase) => waves([WIDTH, WIDTH], phase, 0.125));
  const [gate, up] = [7, 8].map((phase) => waves([INTERMEDIATE, WIDTH], phase, 0.125));
  const down = waves([WIDTH, INTERMEDIATE], 9, 0.07);
  const head = WIDTH / HEADS;
  const angles = waves([1, 1, LENGTH, head], 10);
  const [cos, sin] = [angles.cos(), angles.sin()];

  const rmsNorm = (t, weight) => weight.mul(t.mul(t.pow(2).mean([-1], true).add(1e-5).rsqrt()));
  const heads = (t) => t.view([1, LENGTH, HEADS, head]).transpose(1, 2);
  const rotate = (t) => {
    const turned = cat([t.narrow(-1, head / 2, head / 2).neg(), t.narrow(-1, 0, head / 2)], -1);
    return t.mul(cos).add(turned.mul(sin));
  };
  return () => {
    const h = rmsNorm(x, norm1);
    const [query, key] = [rotate(heads(linear(h, q))), rotate(heads(linear(h, k)))];
    const attended = scaledDotProductAttention(query, key, heads(linear(h, v)));
    const y = x.add(linear(attended.transpose(1, 2).reshape([1, LENGTH, WIDTH]), o));
    const g = rmsNorm(y, norm2);
    return y.add(linear(linear(g, gate).silu().mul(linear(g, up)), down));
  };
}

const modes = { no_grad: noGrad, inference_mode: inferenceMode };

function measure(make, { mode, calls, batches, per_scope: perScope = 1 }) {
  return modes[mode](() =>
    scope(() => {
      const run = make();
      const check = scope(() => run().sum().item());
      // The body returns nothing, so the scope frees what it made.
      const body = () => {
        for (let index = 0; index < perScope; index++) run();
      };
      const repeat = (count) => {
        for (let done = 0; done < count; done += perScope) scope(body);
      };
      repeat(calls / 4);
      const times = [];
      for (let batch = 0; batch < batches; batch++) {
        const began = process.hrtime.bigint();
        repeat(calls);
        times.push(Number(process.hrtime.bigint() - began) / 1e9 / calls);
      }
      return { seconds_per_call: times, check };
    }),
  );
}

setThreads(Number(process.argv[2] ?? 1));
await serve(
  { torch: torchVersion, threads: getThreads() },
  Object.fromEntries(Object.entries(makers).map(([name, make]) => [name, (request) => measure(make, request)])),
);
