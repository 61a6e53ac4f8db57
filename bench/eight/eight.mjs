// The 8B model at its true shapes on an ordinary machine: see ../README.md.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { limitOf } from "../report.mjs";
import { captions } from "./caption.mjs";
import { checkpoints } from "./checkpoint.mjs";
import { memory } from "./memory.mjs";
import { passes } from "./passes.mjs";
import { quality } from "./quality.mjs";
import { LAYERS, PROMPT } from "./shape.mjs";

/** In this order: what is quick first. `make` makes the checkpoints, and nothing else. */
const PARTS = { passes, quality, memory, captions };

/**
 * One part after the other, each told when it is done: the next may take hours.
 *
 * @param {{ parts: readonly string[], formats: readonly string[], layers?: number, prompt?: number, work: string, repeats: number,
 *   threads: number, reference?: string, python?: string, verbose: boolean, log: (line: string) => void }} options
 * @returns {AsyncGenerator<{ name: string, title: string, text: string, ok: boolean }>}
 */
export async function* benchEight({ parts, layers = LAYERS, prompt = PROMPT, log, ...options }) {
  const { work, formats } = options;
  mkdirSync(work, { recursive: true });
  const folders = await checkpoints({ parent: work, layers, formats: /** @type {any} */ (formats), log });
  for (const [name, part] of Object.entries(PARTS)) {
    if (!parts.includes(name)) continue;
    log(`${name}:`);
    const { json, ...result } = await part({ ...options, folders, layers, prompt, log });
    const limit = limitOf() === undefined ? "" : `-${limitOf()}`;
    writeFileSync(join(work, `${name}-${layers}-layers${limit}.json`), `${JSON.stringify(json, undefined, 1)}\n`);
    yield result;
  }
}
