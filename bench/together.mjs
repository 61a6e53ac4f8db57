// Eight pictures at once beside one at a time, at the 8B model's proportions with R-cache: what a batch gains where arithmetic
// and not memory is the bound, as on a CPU. Full passes and cached steps take turns; processor seconds and the clock's.

import { loadModelFolder } from "../packages/rediff/dist/checkpoint/load-model.js";
import { decodeOptions } from "../packages/rediff/dist/diffusion/decode-options.js";
import { Decoder } from "../packages/rediff/dist/diffusion/decoder.js";
import { promptEmbeddings } from "../packages/rediff/dist/models/llava/assembly.js";
import { getThreads, setThreads, torchVersion } from "../packages/torch/dist/index.js";
import { randomCheckpoint } from "./checkpoint.mjs";
import { conditions, median, table } from "./report.mjs";
import { promptOf, SHAPES } from "./shapes.mjs";

/** Tokens of an answer, which are the rows of a cached step. */
const ANSWERS = [16, 32, 128];
const TOGETHER = 8;
const STEPS = 32;
const CACHED = 3;

/**
 * @param {{ threads?: number, repeats: number, work: string, prompt: number, log: (line: string) => void }} options
 * @returns {Promise<{ name: string, title: string, text: string, ok: boolean }[]>}
 */
export async function benchTogether({ threads = 2, repeats, work, prompt: promptRows, log }) {
  setThreads(threads);
  const shape = SHAPES["8b"];
  const model = await loadModelFolder(await randomCheckpoint(shape, work));
  const rows = [
    [
      "rows of a cached step",
      "full pass, s",
      "of 8, each",
      "cached step, s",
      "of 8, each",
      "gain",
      "an answer of 32 steps",
    ],
  ];
  try {
    for (const genLength of ANSWERS) {
      const embeds = promptEmbeddings(model, promptOf(shape, promptRows), [], genLength);
      const cache = { kind: "refresh", every: 1000, changed: 1, certify: false };
      const options = decodeOptions({
        genLength,
        blockLength: genLength,
        steps: Math.min(16, genLength),
        revise: true,
        cache,
      });
      /** @param {number} count */
      const run = (count) => {
        const decoder = new Decoder(model);
        const all = Array.from({ length: count }, () => decoder.add(embeds, options));
        try {
          const times = Array.from({ length: 1 + CACHED }, () => {
            const began = performance.now();
            decoder.step();
            return (performance.now() - began) / 1000 / count;
          });
          if (all.some(({ cacheReport }) => cacheReport?.fullPasses !== 1)) throw new Error("expected one full pass");
          return { full: times[0] ?? 0, cached: median(times.slice(1)) };
        } finally {
          for (const decoding of all) decoding[Symbol.dispose]();
          decoder[Symbol.dispose]();
        }
      };
      const alone = [];
      const together = [];
      for (let repeat = 0; repeat < repeats; repeat++) {
        alone.push(run(1));
        together.push(run(TOGETHER));
        log(`  ${genLength} tokens, ${repeat + 1}/${repeats}: ${JSON.stringify([alone.at(-1), together.at(-1)])}`);
      }
      embeds.dispose();
      const of = (runs, what) => median(runs.map((one) => one[what]));
      const answer = (runs) => 2 * of(runs, "full") + (STEPS - 1) * of(runs, "cached");
      rows.push([
        genLength,
        of(alone, "full").toFixed(2),
        of(together, "full").toFixed(2),
        of(alone, "cached").toFixed(3),
        of(together, "cached").toFixed(3),
        `**${(of(alone, "cached") / of(together, "cached")).toFixed(2)}x**`,
        `${(answer(alone) / answer(together)).toFixed(2)}x`,
      ]);
    }
  } finally {
    model[Symbol.dispose]();
  }
  const how = `Hidden ${shape.hidden}, ${shape.layers} layers; prompt ${promptRows}, R-cache, revising; float32, ${threads} threads, seconds by the clock, of ${TOGETHER} at once for each of them; median of ${repeats} runs that took turns. An answer: 2 passes over everything, 31 cached steps.`;
  const side = { name: "rediff", hello: { torch: torchVersion, threads: getThreads() } };
  return [
    {
      name: "cache:together",
      title: "R-cache: eight pictures at once",
      text: [how, "", table(rows), "", conditions([side])].join("\n"),
      ok: true,
    },
  ];
}
