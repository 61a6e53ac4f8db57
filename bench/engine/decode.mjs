// Decodes with rediff, one JSON-lines request at a time: requests and replies as in reference/decode.py.
//
//     node engine/decode.mjs CHECKPOINT [threads]

import { getThreads, setThreads, torchVersion } from "@rediff/torch";
import { loadModelFolder } from "../../packages/rediff/dist/checkpoint/load-model.js";
import { countParameters } from "../../packages/rediff/dist/checkpoint/memory.js";
import { modelShapes } from "../../packages/rediff/dist/checkpoint/tensor-names.js";
import { decode } from "../../packages/rediff/dist/diffusion/decoder.js";
import { promptEmbeddings } from "../../packages/rediff/dist/models/llava/assembly.js";
import { peakMemory, resetPeakMemory, serve } from "./protocol.mjs";

const [checkpoint, threads = "2"] = process.argv.slice(2);
setThreads(Number(threads));

/** The model in float32, and its decode loop on prompt ids. */
async function loadEngine(folder) {
  const model = await loadModelFolder(folder);
  // The reference keeps every row of the head on these checkpoints, so ours may not drop those without a token.
  const engine = { ...model, vocabulary: model.config.llada.vocabSize };
  const shapes = modelShapes(model.config);
  return {
    parameters: countParameters(shapes),
    maskId: model.tokenizer.special.mask,
    *steps({ promptIds, gen_length: genLength, block_length: blockLength, steps, revise = false, cache }) {
      const prompt = promptEmbeddings(engine, promptIds, [], genLength);
      try {
        for (const { tokens } of decode(engine, prompt, { genLength, blockLength, steps, revise, cache }))
          yield [...tokens];
      } finally {
        prompt.dispose();
      }
    },
  };
}

const began = performance.now();
resetPeakMemory();
const engine = await loadEngine(checkpoint);
const hello = {
  torch: torchVersion,
  threads: getThreads(),
  load_seconds: (performance.now() - began) / 1000,
  load_peak_rss_bytes: peakMemory(),
  parameters: engine.parameters,
  mask_id: engine.maskId,
};

async function answer({ prompt_ids: promptIds, max_forwards: limit = Number.POSITIVE_INFINITY, ...schedule }) {
  const sinceRequest = resetPeakMemory();
  const start = performance.now();
  const marks = [start];
  let tokens = [];
  let finished = true;
  for await (const row of engine.steps({ promptIds, ...schedule })) {
    tokens = row;
    marks.push(performance.now());
    if (marks.length - 1 === limit) {
      finished = !tokens.includes(engine.maskId);
      break;
    }
  }
  const stepSeconds = marks.slice(1).map((mark, index) => (mark - marks[index]) / 1000);
  return {
    tokens,
    forwards: stepSeconds.length,
    seconds: (marks.at(-1) - start) / 1000,
    step_seconds: stepSeconds,
    peak_rss_bytes: peakMemory(),
    peak_rss_since_request: sinceRequest,
    finished,
  };
}

await serve(hello, { decode: answer });
