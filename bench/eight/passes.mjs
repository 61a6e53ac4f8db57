// Full passes and cached steps of the 8B model in every format, in turns, beside the original's pass, whose time is that of
// one of its layers times their number, and of its head: a whole pass of it takes a quarter of an hour on two cores.

import { join } from "node:path";
import { conditions, median, spread, table } from "../report.mjs";
import { startSide, withSides } from "../side.mjs";
import { ANSWER } from "./shape.mjs";

/** Passes of a whole answer. `answer` is what R-cache makes of so many steps: those that compute everything, and the rest.
 *  With the certifying pass, which a trained model needs once. */
const ANSWERS = [
  { name: "32 steps, one refresh and no other", steps: 32, full: 2, cached: 31 },
  { name: "32 steps, `--refresh-every 8`", steps: 32, full: 5, cached: 28 },
  { name: "16 steps, one refresh and no other", steps: 16, full: 2, cached: 15 },
];

/** What the issue of speed asks for, against the original's 32 steps. */
const WANTED = [
  { format: "int4", answer: 0, times: 80 },
  { format: "int8", answer: 0, times: 50 },
  { format: "int4", answer: 2, times: 130 },
];

const STEPS_OF_ORIGINAL = 32;

/** @typedef {{ cpu: number, wall: number, read?: number }} Time */

/**
 * @param {{ folders: Record<string, string>, layers: number, formats: readonly string[], repeats: number, threads: number, prompt: number,
 *   reference?: string, python?: string, verbose: boolean, log: (line: string) => void }} options
 */
export async function passes(options) {
  const { folders, layers, formats, repeats, threads, prompt, reference, python, verbose, log } = options;
  const own = (/** @type {string} */ file, /** @type {string} */ name, /** @type {string[]} */ args) => () =>
    startSide({
      name,
      command: process.execPath,
      args: [join(import.meta.dirname, file), ...args, String(threads), String(prompt)],
      verbose,
    });
  const bfloat16 = folders.bfloat16 ?? "";
  const starters = [
    own("yardstick.mjs", "original's operators, bfloat16", [bfloat16, "bfloat16"]),
    own("yardstick.mjs", "original's operators, float32", [bfloat16, "float32"]),
    ...(reference === undefined || python === undefined
      ? []
      : [
          () =>
            startSide({
              name: "original, bfloat16",
              command: python,
              args: [
                join(import.meta.dirname, "../reference/eight.py"),
                ...[
                  "--clone",
                  reference,
                  "--checkpoint",
                  bfloat16,
                  "--threads",
                  String(threads),
                  "--prompt",
                  String(prompt),
                ],
              ],
              env: { PYTHONDONTWRITEBYTECODE: "1" },
              verbose,
            }),
        ]),
    ...formats.map((format) => own("engine.mjs", format, [folders[format] ?? "", format])),
  ];
  return withSides(starters, async (sides) => {
    const ours = sides.filter(({ name }) => formats.includes(name));
    const theirs = sides.filter(({ name }) => !formats.includes(name));
    /** @type {Record<string, { full: Time[], cached: Time[] }>} */
    const times = Object.fromEntries(sides.map(({ name }) => [name, { full: [], cached: [] }]));
    for (let repeat = 0; repeat < repeats; repeat++)
      for (const side of repeat % 2 === 0 ? sides : [...sides].reverse()) {
        const of = times[side.name];
        if (of === undefined) continue;
        if (ours.includes(side)) {
          const reply = await side.run({ id: repeat, op: "passes", cached: 2 });
          of.full.push(reply.full);
          of.cached.push(...reply.cached);
        } else {
          const { layer, head } = await side.run({ id: repeat, op: "pass" });
          const whole = (/** @type {"cpu" | "wall"} */ of) => layers * layer[of] + head[of];
          of.full.push({ cpu: whole("cpu"), wall: whole("wall") });
        }
        log(
          `  ${repeat + 1}/${repeats} ${side.name}: ${seconds(of.full.at(-1))}${of.cached.length > 0 ? `, cached step ${seconds(of.cached.at(-1))}` : ""}`,
        );
      }
    return report({ times, ours, theirs, layers, formats, repeats, threads, prompt, sides });
  });
}

const seconds = (/** @type {Time | undefined} */ time) =>
  time === undefined
    ? "?"
    : `${time.cpu.toFixed(1)} CPU-s, ${time.wall.toFixed(1)} s${time.read ? `, ${(time.read / 1e9).toFixed(1)} GB read` : ""}`;

const cpu = (/** @type {readonly Time[]} */ all) => all.map((time) => time.cpu);
const wall = (/** @type {readonly Time[]} */ all) => all.map((time) => time.wall);

function report({ times, ours, theirs, layers, formats, repeats, threads, prompt, sides }) {
  // The original itself where it was there.
  const yardstick = theirs.find(({ name }) => name.startsWith("original, ")) ?? theirs[0];
  const original = median(cpu(times[yardstick.name].full));
  const all = [...theirs, ...ours];
  const rows = [
    ["", "full pass, CPU-s", "s", "cached step, CPU-s", "s", "pass", "cached step"],
    ...all.map(({ name }) => {
      const { full, cached } = times[name];
      const over = (/** @type {readonly Time[]} */ own) =>
        own.length === 0 ? "" : `${(original / median(cpu(own))).toFixed(1)}x`;
      return [
        name,
        spread(cpu(full), 1),
        spread(wall(full), 1),
        cached.length === 0 ? "" : spread(cpu(cached), 1),
        cached.length === 0 ? "" : spread(wall(cached), 1),
        over(full),
        over(cached),
      ];
    }),
  ];
  const faster = (/** @type {string} */ format, /** @type {(typeof ANSWERS)[number]} */ { full, cached }) => {
    const own = times[format];
    return (STEPS_OF_ORIGINAL * original) / (full * median(cpu(own.full)) + cached * median(cpu(own.cached)));
  };
  const answers = [
    ["an answer of 128 tokens", ...formats],
    ...ANSWERS.map((answer) => [
      `${answer.name}: ${answer.full} full, ${answer.cached} cached`,
      ...formats.map((/** @type {string} */ format) => {
        const own = times[format];
        const took = answer.full * median(cpu(own.full)) + answer.cached * median(cpu(own.cached));
        return `${took.toFixed(0)} CPU-s, **${faster(format, answer).toFixed(1)}x**`;
      }),
    ]),
  ];
  const misses = WANTED.filter(({ format, answer, times: wanted }) => {
    const of = ANSWERS[answer];
    return formats.includes(format) && of !== undefined && faster(format, of) < wanted;
  });
  const whole = layers === 32;
  const text = [
    `Width 4096, ${layers} layers, MLP 12288, vocabulary 126464; ${prompt} rows of prompt, ${ANSWER} tokens of answer, revising; random weights; activations and embeddings in bfloat16, the head of int8 and int4 in int8. ${threads} threads, processor seconds and the clock's, median (range) of ${repeats} runs that took turns. ${theirs.map(({ name }) => name).join(" and ")}: one layer times ${layers}, and the head over all rows; ratios against ${yardstick.name}.`,
    "",
    table(rows),
    "",
    `Against ${STEPS_OF_ORIGINAL} passes of the original, computed from these times, with the certifying pass:`,
    "",
    table(answers),
    "",
    ...(whole ? [] : [`A trial with ${layers} layers: these are not the model's ratios.`, ""]),
    ...(whole && misses.length > 0
      ? [
          `Missed: ${misses.map(({ format, answer, times: t }) => `${format} ${t}x (${ANSWERS[answer]?.name})`).join(", ")}.`,
          "",
        ]
      : []),
    conditions(sides),
  ].join("\n");
  return {
    name: "eight:passes",
    title: "8B shapes: passes and cached steps",
    text,
    ok: !whole || misses.length === 0,
    json: { yardstick: yardstick.name, times },
  };
}
