// Training steps beside the original code: the same checkpoint, the same sample, the same draws; the losses of all steps
// must agree.
//
// Weights, gradients and AdamW's state take 16 bytes a parameter, so one side is alive at a time: every turn starts a
// process, takes a step to warm up, times some, and ends.

import { randomCheckpoint } from "./checkpoint.mjs";
import { conditions, gigabytes, median, speedup, spread, table } from "./report.mjs";
import { bytesOf, promptOf, SHAPES } from "./shapes.mjs";
import { startersOf } from "./side.mjs";

/** Losses of the two sides may differ by this share: rounding, which AdamW's first steps make visible. */
const TOLERANCE = 2e-3;
const LEARNING_RATE = 1e-5;

/**
 * @param {{ shape: string, reference?: string, python?: string, only?: string, threads: number, repeats: number,
 *   work: string, layers?: number, verbose: boolean, log: (line: string) => void }} options
 * @returns {Promise<{ name: string, title: string, text: string, ok: boolean }>}
 */
export async function benchTrain(options) {
  const { threads, repeats, log } = options;
  const whole = SHAPES[options.shape];
  const layers = options.layers ?? whole.train.layers ?? whole.layers;
  const shape = layers === whole.layers ? whole : { ...whole, name: `${whole.name}-${layers}-layers`, layers };
  log(`checkpoint: ${shape.name}, ${gigabytes(bytesOf(shape))} GB of random weights in ${options.work}`);
  const checkpoint = await randomCheckpoint(shape, options.work);
  const starters = startersOf("train", checkpoint, options);

  const { sequence, answer, steps } = shape.train;
  const ids = promptOf(shape, sequence);
  const labels = ids.map((id, i) => (i < sequence - answer ? -100 : id));
  const request = { op: "train", ids, labels, learning_rate: LEARNING_RATE };
  const sides = starters.map(() => ({ name: "", hello: {} }));
  const replies = starters.map(() => []);
  for (let repeat = 0; repeat < repeats; repeat++) {
    const order = [...starters.keys()];
    if (repeat % 2 === 1) order.reverse();
    for (const index of order) {
      const side = await starters[index]();
      try {
        const warmUp = await side.run({ ...request, seeds: [1] });
        const reply = await side.run({ ...request, seeds: Array.from({ length: steps }, (_, i) => 2 + i) });
        replies[index].push({ ...reply, losses: [...warmUp.losses, ...reply.losses] });
        sides[index] = { name: side.name, hello: side.hello };
        log(
          `  ${repeat + 1}/${repeats} ${side.name}: ${reply.step_seconds.map((s) => s.toFixed(2)).join(", ")} s ` +
            `(processor: ${reply.cpu_seconds.map((s) => s.toFixed(2)).join(", ")} s), ` +
            `peak ${gigabytes(reply.peak_rss_bytes)} GB, losses ${replies[index].at(-1).losses.map((x) => x.toFixed(4))}`,
        );
      } finally {
        await side.close();
      }
    }
  }
  const deviation = largestDeviation(replies.flat().map(({ losses }) => losses));
  return {
    name: `train:${whole.name}`,
    title: `Training, shape "${whole.name}"`,
    text: describe({ shape, whole, sides, replies, deviation, threads, repeats }),
    ok: deviation <= TOLERANCE,
  };
}

/** Between the losses of all runs and those of the first, as a share. */
function largestDeviation([first, ...rest]) {
  return Math.max(0, ...rest.flatMap((losses) => losses.map((loss, i) => Math.abs(loss / first[i] - 1))));
}

function describe({ shape, whole, sides, replies, deviation, threads, repeats }) {
  const { sequence, answer, steps } = shape.train;
  const seconds = replies.map((side) => side.map((reply) => median(reply.step_seconds)));
  const rows = [
    ["", "s per step", "samples/s", "peak memory, GB"],
    ...sides.map(({ name }, side) => [
      name,
      spread(seconds[side]),
      spread(
        seconds[side].map((s) => 1 / s),
        3,
      ),
      gigabytes(median(replies[side].map((reply) => reply.peak_rss_bytes))),
    ]),
  ];
  const depth =
    shape.layers === whole.layers ? `${shape.layers} layers` : `${shape.layers} layers (of ${whole.layers})`;
  const lines = [
    `Hidden ${shape.hidden}, ${depth}, ${shape.heads} heads, MLP ${shape.intermediate}, vocabulary ` +
      `${shape.vocabulary}; one sample of ${sequence} tokens, ${answer} of them with a label; ReDiff's loss, gradients ` +
      `with activation checkpointing, clipping, AdamW on all weights; float32, CPU, ${threads} threads; median (range) ` +
      `of ${repeats} runs that took turns, each a process of its own with ${steps} timed steps after one to warm up.`,
    "",
    table(rows),
    "",
  ];
  if (sides.length === 2) {
    const peaks = replies.map((side) => median(side.map((reply) => reply.peak_rss_bytes)));
    lines.push(
      `Speed: **${speedup(seconds[0], seconds[1])}**, range over the runs in brackets; memory: ` +
        `**${(peaks[1] / peaks[0]).toFixed(2)}x**. Losses: ` +
        `${deviation <= TOLERANCE ? `the same within ${deviation.toExponential(0)}` : `**differ by ${deviation.toExponential(1)}**`}.`,
      "",
    );
  }
  lines.push(conditions(sides));
  return lines.join("\n");
}
