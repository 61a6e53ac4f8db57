// Training steps with rediff, one JSON-lines request at a time: requests and replies as in reference/train.py.
//
//     node engine/train.mjs CHECKPOINT [threads]

import { Generator, getThreads, optim, setThreads, torchVersion } from "@rediff/torch";
import { loadModelFolder } from "../../packages/rediff/dist/checkpoint/load-model.js";
import { fillGradients, trainStep } from "../../packages/rediff/dist/training/backward/micro-batch.js";
import { trainable } from "../../packages/rediff/dist/training/backward/parameters.js";
import { ourTraining } from "../../packages/rediff/dist/training/backward/training-rules.js";
import { parameterGroups } from "../../packages/rediff/dist/training/optimizer/parameter-groups.js";
import { peakMemory, resetPeakMemory, serve } from "./protocol.mjs";

const [checkpoint, threads = "2"] = process.argv.slice(2);
setThreads(Number(threads));

const model = await loadModelFolder(checkpoint);
// What the original has of the checkpoint when it is built without a tower.
const { parameters, ...tuned } = trainable(model, ["mm_language_model"]);
const trained = { ...tuned, parameters: parameters.filter(({ name }) => name !== "model.image_newline") };

let optimizer;

function step({ ids, labels, learning_rate: rate }, seed) {
  optimizer ??= new optim.AdamW(
    parameterGroups(trained.parameters, {
      learningRates: { language: rate, projector: rate, vision: rate },
      weightDecay: 0,
    }),
  );
  const revise = ids.map(() => false);
  const sample = { ids, labels, revise, visuals: [], modality: "text", source: { file: "benchmark", index: 0 } };
  const draws = new Generator(seed);
  try {
    const { loss } = trainStep(trained, [sample], {
      objective: "rediff",
      lossWeighting: "code",
      rules: ourTraining,
      checkpointing: "blocks",
      gradientScale: 1,
      draws,
      maxLength: ids.length,
      conversationMask: false,
    });
    fillGradients(trained.parameters);
    const norm = optim.clipGradients(trained.parameters, 1);
    optimizer.step();
    optim.dropGradients(trained.parameters);
    return { loss, norm };
  } finally {
    draws[Symbol.dispose]();
  }
}

async function train({ seeds, ...request }) {
  const sinceRequest = resetPeakMemory();
  const results = seeds.map((seed) => {
    const began = performance.now();
    const before = process.cpuUsage();
    const result = step(request, seed);
    const { user, system } = process.cpuUsage(before);
    return { ...result, seconds: (performance.now() - began) / 1000, cpuSeconds: (user + system) / 1e6 };
  });
  return {
    losses: results.map(({ loss }) => loss),
    norms: results.map(({ norm }) => norm),
    step_seconds: results.map(({ seconds }) => seconds),
    cpu_seconds: results.map(({ cpuSeconds }) => cpuSeconds),
    peak_rss_bytes: peakMemory(),
    peak_rss_since_request: sinceRequest,
  };
}

const count = trained.parameters.reduce((sum, { weight }) => sum + weight.numel, 0);
await serve({ torch: torchVersion, threads: getThreads(), parameters: count }, { train });
