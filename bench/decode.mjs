// Decoding a whole answer, or a few forward passes of it, beside the original code: the same checkpoint, the same prompt
// embeddings, the same schedule; the tokens must be equal after every run.

import { randomCheckpoint } from "./checkpoint.mjs";
import { conditions, gigabytes, median, speedup, spread, table } from "./report.mjs";
import { bytesOf, promptOf, SHAPES } from "./shapes.mjs";
import { interleave, referenceStarter, startersOf, withSides } from "./side.mjs";

const TRIMMED = "reference, trimmed";

/**
 * @param {{ shape: string, reference?: string, python?: string, only?: string, threads: number, repeats: number,
 *   work: string, maxForwards?: number, verbose: boolean, log: (line: string) => void }} options
 * @returns {Promise<{ name: string, title: string, text: string, ok: boolean }>}
 */
export async function benchDecode(options) {
  const { threads, repeats, log } = options;
  const shape = SHAPES[options.shape];
  const maxForwards = options.maxForwards ?? shape.maxForwards;
  log(`checkpoint: ${shape.name}, ${gigabytes(bytesOf(shape))} GB of random weights in ${options.work}`);
  const checkpoint = await randomCheckpoint(shape, options.work);
  const starters = startersOf("decode", checkpoint, options);
  // Without what one would mend in an afternoon.
  const { reference: clone, python, only, verbose } = options;
  if (only === undefined)
    starters.splice(
      1,
      0,
      referenceStarter("decode", checkpoint, { clone, python, threads, verbose, title: TRIMMED, variant: "trimmed" }),
    );

  return withSides(starters, async (sides) => {
    for (const { name, hello } of sides) log(`${name}: ${JSON.stringify(hello)}`);
    const { prompt: length, ...schedule } = shape.decode;
    const request = { op: "decode", prompt_ids: promptOf(shape, length), ...schedule };
    // One pass each to map the weights and grow the heap.
    await interleave(sides, 1, { ...request, max_forwards: 1 });
    if (maxForwards !== undefined) request.max_forwards = maxForwards;
    const replies = await interleave(sides, repeats, request, (repeat, side, reply) =>
      log(
        `  ${repeat + 1}/${repeats} ${side.name}: ${reply.forwards} passes in ${reply.seconds.toFixed(2)} s, ` +
          `peak ${gigabytes(reply.peak_rss_bytes)} GB, ${new Set(reply.tokens).size} different tokens`,
      ),
    );
    const differences = countDifferences(replies);
    return {
      name: `decode:${shape.name}`,
      title: `Decoding, shape "${shape.name}"`,
      text: describe({ shape, sides, replies, differences, maxForwards, threads, repeats }),
      ok: differences === 0,
    };
  });
}

/** Answer positions that differ from the first reply's, over all replies of all sides. */
function countDifferences(replies) {
  const [first, ...rest] = replies.flat().map((reply) => reply.tokens);
  return rest.reduce((sum, tokens) => {
    const positions = Math.max(first.length, tokens.length);
    return sum + Array.from({ length: positions }).filter((_, position) => first[position] !== tokens[position]).length;
  }, 0);
}

function describe({ shape, sides, replies, differences, maxForwards, threads, repeats }) {
  const { prompt, gen_length, steps } = shape.decode;
  const extent = maxForwards === undefined ? "the whole answer" : `the first ${maxForwards} of ${steps} forward passes`;
  const decided = (reply) => reply.tokens.filter((token) => token !== shape.special.mask).length;
  const rows = [
    ["", "s per forward pass", "tokens/s", "peak memory, GB"],
    ...sides.map(({ name }, side) => [
      name,
      spread(replies[side].map((reply) => reply.seconds / reply.forwards)),
      spread(replies[side].map((reply) => decided(reply) / reply.seconds)),
      gigabytes(median(replies[side].map((reply) => reply.peak_rss_bytes))),
    ]),
  ];
  const lines = [
    `Hidden ${shape.hidden}, ${shape.layers} layers, ${shape.heads} heads, MLP ${shape.intermediate}, vocabulary ` +
      `${shape.vocabulary}; prompt ${prompt}, answer ${gen_length} in ${steps} steps, ${extent}; float32, CPU, ` +
      `${threads} threads; median (range) of ${repeats} runs that took turns.`,
    "",
    table(rows),
    "",
  ];
  if (sides.length > 1) {
    const seconds = replies.map((side) => side.map((reply) => reply.seconds));
    const [original = [], trimmed = [], own = []] = seconds;
    lines.push(
      `Speed: **${speedup(original, own)}**, and ${speedup(trimmed, own)} beside the original without its dense mask, and with ` +
        "head and softmax over the answer's rows only; range over the runs in brackets. Tokens: " +
        `${differences === 0 ? "the same in every run" : `**${differences} differ**`}.`,
      "",
    );
  }
  lines.push(conditions(sides));
  return lines.join("\n");
}
