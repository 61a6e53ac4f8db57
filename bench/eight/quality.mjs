// What each format does to the distributions of an 8B-shaped model: the same states of an answer, from all masks to none,
// asked of float32 and of every format. The weights are random, so that it says how much the arithmetic moves, and not
// whether a trained model's captions suffer: docs/quantize.md has that of the embedded model.

import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { conditions, table } from "../report.mjs";
import { startSide } from "../side.mjs";
import { ANSWER } from "./shape.mjs";

/** States, of which each has a quarter of the answer more. */
const STATES = 4;

/**
 * One process after the other, as each maps a whole model.
 *
 * @param {{ folders: Record<string, string>, layers: number, formats: readonly string[], threads: number, prompt: number, work: string,
 *   verbose: boolean, log: (line: string) => void }} options
 */
export async function quality({ folders, layers, formats, threads, prompt, work, verbose, log }) {
  const states = join(work, `states-${layers}-layers`);
  mkdirSync(states, { recursive: true });
  const start = (/** @type {string} */ format) =>
    startSide({
      name: format,
      command: process.execPath,
      args: [
        join(import.meta.dirname, "engine.mjs"),
        folders[format === "float32" ? "bfloat16" : format] ?? "",
        ...[format, String(threads), String(prompt)],
      ],
      verbose,
    });
  const file = (/** @type {number} */ state) => join(states, `${state}.safetensors`);
  try {
    /** @type {number[][]} */
    const answers = [];
    const yardstick = await start("float32");
    const hello = yardstick.hello;
    try {
      let answer = Array(ANSWER).fill(yardstick.hello.mask);
      for (let state = 0; state < STATES; state++) {
        answers.push(answer);
        const fill = ANSWER / STATES;
        ({ answer } = await yardstick.run({ id: state, op: "write", answer, file: file(state), fill }));
        log(`  float32: state ${state + 1} of ${STATES}`);
      }
    } finally {
      await yardstick.close();
    }
    const masked = (/** @type {number} */ state) => ANSWER - (state * ANSWER) / STATES;
    const rows = [["", ...answers.map((_, state) => `${masked(state)} masks`), "all"]];
    /** @type {Record<string, { kl: number[], same: boolean[] }[]>} */
    const json = {};
    for (const format of formats) {
      const side = await start(format);
      try {
        const own = [];
        for (const [state, answer] of answers.entries()) {
          own.push(await side.run({ id: state, op: "compare", answer, file: file(state) }));
          log(`  ${format}: state ${state + 1} of ${STATES}: ${shares(own.slice(-1))}`);
        }
        json[format] = own.map(({ kl, same }) => ({ kl, same }));
        rows.push([format, ...own.map((one) => shares([one])), shares(own)]);
      } finally {
        await side.close();
      }
    }
    const text = [
      `First choices kept, and the divergence (KL, nats: mean, largest) from float32, over the answer's ${ANSWER} rows behind ${prompt} of prompt, ${layers} layers; each state has 32 tokens more that float32 is surest of. Random weights, with a head that decides clearly: how far the arithmetic moves a network of this depth, and nothing of a trained model's captions.`,
      "",
      table(rows),
      "",
      conditions([{ name: "rediff", hello: /** @type {any} */ (hello) }]),
    ].join("\n");
    return { name: "eight:quality", title: "8B shapes: what formats change", text, ok: true, json };
  } finally {
    rmSync(states, { recursive: true, force: true });
  }
}

/** `98 %, 0.0012 (0.02)` @param {readonly { kl: number[], same: boolean[] }[]} all */
function shares(all) {
  const kl = all.flatMap((one) => one.kl);
  const same = all.flatMap((one) => one.same);
  const mean = kl.reduce((sum, value) => sum + value, 0) / kl.length;
  const kept = same.filter(Boolean).length / same.length;
  return `${(100 * kept).toFixed(1)} %, ${mean.toPrecision(2)} (${Math.max(...kl).toPrecision(2)})`;
}
