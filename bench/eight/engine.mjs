// One format of the 8B model in a process of its own: passes of a decoding, and distributions of given states. JSON lines,
// as ../engine/protocol.mjs has them.
//
//     node bench/eight/engine.mjs FOLDER float32|bfloat16|int8|int4 THREADS PROMPT
//
// float32 is the yardstick of quality: the same weights, widened a layer at a time, as all of them would take 34 GB.

import { readFileSync } from "node:fs";
import { loadModelFolder } from "../../packages/rediff/dist/checkpoint/load-model.js";
import { decodeOptions } from "../../packages/rediff/dist/diffusion/decode-options.js";
import { Decoder } from "../../packages/rediff/dist/diffusion/decoder.js";
import { idTensor } from "../../packages/rediff/dist/models/ids.js";
import { linear, rmsNorm } from "../../packages/rediff/dist/models/kernels.js";
import { block, embed, hiddenStates, logits } from "../../packages/rediff/dist/models/llada/llada.js";
import { Rotary } from "../../packages/rediff/dist/models/llada/rotary.js";
import {
  call,
  cat,
  getThreads,
  inferenceMode,
  SafetensorsFile,
  saveSafetensors,
  scope,
  setThreads,
  torchVersion,
} from "../../packages/torch/dist/index.js";
import { serve } from "../engine/protocol.mjs";
import { promptOf } from "../shapes.mjs";
import { ANSWER, TEXT } from "./shape.mjs";

const [folder = "", format = "", threads = "1", prompt = ""] = process.argv.slice(2);
setThreads(Number(threads));
const isWide = format === "float32";
// Activations, head and what is not rounded in bfloat16, as the checkpoint has it: float32 would be a copy of its own.
const model = await loadModelFolder(folder, { dtype: "bfloat16", memoryCheck: false });
const promptIds = promptOf(TEXT, Number(prompt));

/** Seconds of the processors, and bytes that were read from the disk because they were not in memory. */
function counters() {
  const { user, system } = process.cpuUsage();
  let read = 0;
  try {
    read = Number(/^read_bytes: (\d+)/m.exec(readFileSync("/proc/self/io", "utf8"))?.[1] ?? 0);
  } catch {
    // not Linux
  }
  return { cpu: (user + system) / 1e6, wall: performance.now() / 1000, read };
}

/** @template T @param {() => T} body */
function timed(body) {
  const before = counters();
  const value = body();
  const after = counters();
  return {
    value,
    time: { cpu: after.cpu - before.cpu, wall: after.wall - before.wall, read: after.read - before.read },
  };
}

/** A full pass, and then cached ones: R-cache, revising, four tokens a step.
 *  @param {{ cached: number }} request */
function passes({ cached }) {
  return inferenceMode(() =>
    scope(() => {
      const prompt = embed(model.llada, idTensor(promptIds, model.device));
      const options = decodeOptions({
        genLength: ANSWER,
        blockLength: ANSWER,
        steps: 32,
        revise: true,
        cache: { kind: "refresh", every: 1000, changed: 1, certify: false },
      });
      const decoder = new Decoder(model);
      const decoding = decoder.add(prompt, options);
      try {
        const times = Array.from({ length: 1 + cached }, () => timed(() => decoder.step()).time);
        const report = decoding.cacheReport;
        if (report?.fullPasses !== 1) throw new Error(`expected one full pass, got ${JSON.stringify(report)}`);
        return { full: times[0], cached: times.slice(1) };
      } finally {
        decoding[Symbol.dispose]();
        decoder[Symbol.dispose]();
      }
    }),
  );
}

/** float32 logits of the answer's rows, [G, V], whatever came before.
 *  @param {readonly number[]} answer */
function distributions(answer) {
  return scope(() => {
    const { llada } = model;
    const ids = [...promptIds, ...answer];
    const rows = embed(llada, idTensor(ids, model.device)).unsqueeze(0);
    const rotary = new Rotary(llada.config).tables([[...ids.keys()]], isWide ? "float32" : rows.dtype, model.device);
    const last = (/** @type {typeof rows} */ x) => x.narrow(1, promptIds.length, answer.length);
    if (!isWide) return logits(llada, last(hiddenStates(llada, rows, { rotary }))).squeeze(0);
    const wide = (/** @type {typeof rows} */ x) => x.to({ dtype: "float32" });
    let x = wide(rows);
    for (const weights of llada.weights.blocks)
      x = scope(() => {
        const own = Object.fromEntries(Object.entries(weights).map(([name, weight]) => [name, wide(weight)]));
        return block(own, x, { config: llada.config, rotary, visible: {} });
      });
    const hidden = rmsNorm(last(x), wide(llada.weights.norm), llada.config.rmsNormEps);
    // The head in parts: all of it would be 2 GB.
    const { head } = llada.weights;
    const parts = [];
    for (let at = 0; at < head.size(0); at += 16_384)
      parts.push(scope(() => linear(hidden, wide(head.narrow(0, at, Math.min(16_384, head.size(0) - at))))));
    return cat(parts, -1).squeeze(0);
  });
}

/** Distributions of a state, written to a file. @param {{ answer: number[], file: string, fill: number }} request
 *  @returns the state after the `fill` masks that it is surest of are its first choices */
function write({ answer, file, fill }) {
  return inferenceMode(() =>
    scope(() => {
      const own = distributions(answer);
      saveSafetensors(file, { logits: own });
      const choice = own.argmax(-1);
      const sure = call("aten::gather", own.logSoftmax(-1), -1, choice.unsqueeze(-1)).squeeze(-1).toNumbers();
      const choices = choice.toNumbers();
      const mask = model.tokenizer.special.mask;
      const open = [...answer.keys()].filter((i) => answer[i] === mask).sort((a, b) => sure[b] - sure[a]);
      const next = [...answer];
      for (const i of open.slice(0, fill)) next[i] = choices[i];
      return { answer: next };
    }),
  );
}

/** How far the distributions of a state are from those in a file. @param {{ answer: number[], file: string }} request */
function compare({ answer, file }) {
  return inferenceMode(() =>
    scope(() => {
      const stored = SafetensorsFile.open(file);
      try {
        const wanted = stored.get("logits").logSoftmax(-1);
        const own = distributions(answer).logSoftmax(-1);
        const kl = wanted.exp().mul(wanted.sub(own)).sum([-1]).toNumbers();
        const same = wanted.argmax(-1).eq(own.argmax(-1)).toNumbers();
        return { kl, same: same.map(Boolean) };
      } finally {
        stored[Symbol.dispose]();
      }
    }),
  );
}

await serve(
  { torch: torchVersion, threads: getThreads(), mask: model.tokenizer.special.mask },
  { passes, write, compare },
);
