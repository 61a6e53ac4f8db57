// Whole captions from the command line, each run to its end.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { conditions, gigabytes, table } from "../report.mjs";
import { describing } from "./memory.mjs";
import { watched } from "./watched.mjs";

/** 32 steps with R-cache. Not certified: random weights never settle, and would make all the passes that there may be,
 *  where a trained model makes one. */
const ASKED = ["--steps", "32", "--refresh-every", "16", "--refresh-changed", "1", "--no-certify"];

/**
 * @param {{ folders: Record<string, string>, layers: number, formats: readonly string[], threads: number, work: string,
 *   log: (line: string) => void }} options
 */
export async function captions({ folders, layers, formats, threads, work, log }) {
  const kept = join(work, `captions-${layers}-layers.json`);
  /** @type {Record<string, any>} those of earlier runs too: each takes long */
  const json = existsSync(kept) ? JSON.parse(readFileSync(kept, "utf8")) : {};
  for (const format of formats) {
    const file = join(work, `caption-${layers}-layers-${format}.log`);
    log(`  ${format}: what it says goes to ${file}`);
    const { stdout, ...seen } = await watched(describing(folders[format] ?? "", threads, ...ASKED), { log: file });
    if (seen.status !== 0) throw new Error(`${format}: status ${seen.status}; see ${file}`);
    const { steps, seconds, cache, text } = JSON.parse(stdout);
    json[format] = { ...seen, steps, seconds, cache, letters: text.length, threads, date: new Date().toISOString() };
    writeFileSync(kept, `${JSON.stringify(json, undefined, 1)}\n`);
    log(
      `  ${format}: ${steps} steps, ${seen.wall.toFixed(0)} s, ${seen.cpu.toFixed(0)} CPU-s, peak ${gigabytes(seen.peak)} GB`,
    );
  }
  const rows = [
    ["", "s, all of the command", "CPU-s", "steps", "full passes", "peak, GB", "threads"],
    ...Object.entries(json).map(([format, own]) => [
      format,
      own.wall.toFixed(0),
      own.cpu.toFixed(0),
      own.steps,
      own.cache?.full_passes ?? "",
      gigabytes(own.peak),
      own.threads,
    ]),
  ];
  const text = [
    `\`rediff caption cat.jpg --dtype bfloat16 --gen-length 128 --revise --cache refresh ${ASKED.join(" ")}\`, ${layers} layers, random weights, from start to exit. Of the 32 passes 2 compute everything; a trained model has a certifying one more.`,
    "",
    table(rows),
    "",
    conditions([]),
  ].join("\n");
  return { name: "eight:captions", title: "8B shapes: whole captions", text, ok: true, json };
}
