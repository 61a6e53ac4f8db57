// Decodes with rediff, one JSON-lines request at a time: requests and replies as in reference/decode.py.
//
//     node engine/decode.mjs CHECKPOINT [threads]

import { getThreads, setThreads, torchVersion } from "@rediff/torch";
import { peakMemory, resetPeakMemory, serve } from "./protocol.mjs";

const [checkpoint, threads = "2"] = process.argv.slice(2);
setThreads(Number(threads));

/**
 * SEAM (phase 2): load the folder in float32 on the CPU and return a function that decodes.
 *
 * `steps({ promptIds, gen_length, block_length, steps })` embeds the prompt and yields after every forward pass the
 * answer's token ids, masks included: the decode generator of packages/rediff/src/diffusion.
 *
 * @returns {Promise<{ parameters: number, maskId: number, steps: (request: object) => Iterable<number[]> }>}
 */
async function loadEngine(folder) {
  throw new Error(`the library cannot decode yet (${folder})`);
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

async function decode({ prompt_ids: promptIds, max_forwards: limit = Number.POSITIVE_INFINITY, ...schedule }) {
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

await serve(hello, { decode });
