// The most memory that processes of their own hold: a description of a picture in every format, loading, and rounding while
// loading.

import { join } from "node:path";
import { conditions, gigabytes, table } from "../report.mjs";
import { bytesOfFolder } from "./checkpoint.mjs";
import { watched } from "./watched.mjs";

const PROGRAM = join(import.meta.dirname, "../../packages/rediff/bin/rediff.mjs");
export const PICTURE = join(import.meta.dirname, "../../examples/cat.jpg");

/** Bytes that a description may take at 32 layers. */
const MOST = { int4: 8e9, int8: 11e9, bfloat16: 18e9 };
/** Shares of the checkpoint's size. */
const MOST_LOADING = 1.1;
const MOST_ROUNDING = 0.75;

/** Of the command line: a picture, R-cache, an answer as long as ReDiff's.
 *  @param {string} folder @param {number} threads @param {readonly string[]} others */
export const describing = (folder, threads, ...others) => [
  ...[PROGRAM, "caption", PICTURE, "--model", folder, "--dtype", "bfloat16", "--threads", String(threads)],
  ...["--gen-length", "128", "--revise", "--cache", "refresh", "--json", ...others],
];

/**
 * @param {{ folders: Record<string, string>, layers: number, formats: readonly string[], threads: number,
 *   log: (line: string) => void }} options
 */
export async function memory({ folders, layers, formats, threads, log }) {
  const size = bytesOfFolder(folders.bfloat16 ?? "");
  const whole = layers === 32;
  const json = [];
  let ok = true;
  const look = async (
    /** @type {string} */ what,
    /** @type {string[]} */ args,
    /** @type {number | undefined} */ most,
  ) => {
    const seen = await watched(args);
    if (seen.status !== 0) throw new Error(`${what}: status ${seen.status}`);
    const { stdout, ...numbers } = seen;
    json.push({ what, ...numbers, most });
    const isOver = most !== undefined && seen.peak > most;
    if (isOver) ok = false;
    log(`  ${what}: peak ${gigabytes(seen.peak)} GB, its own ${gigabytes(seen.own)} GB, ${seen.wall.toFixed(0)} s`);
    return [
      what,
      gigabytes(seen.peak),
      gigabytes(seen.own),
      most === undefined ? "" : `${gigabytes(most)}${isOver ? " (more)" : ""}`,
    ];
  };
  const rows = [["", "peak, GB", "of it its own, GB", "at most"]];
  const few = ["--steps", "2", "--refresh-every", "32", "--refresh-changed", "1", "--no-certify"];
  for (const format of formats)
    rows.push(
      await look(
        `a description, ${format}`,
        describing(folders[format] ?? "", threads, ...few),
        whole ? MOST[/** @type {keyof typeof MOST} */ (format)] : undefined,
      ),
    );
  const loading = join(import.meta.dirname, "load.mjs");
  const source = folders.bfloat16 ?? "";
  rows.push(await look("loading bfloat16", [loading, source], whole ? MOST_LOADING * size : undefined));
  for (const format of formats)
    if (format !== "bfloat16")
      rows.push(
        await look(
          `rounding to ${format} while loading`,
          [loading, source, format],
          whole ? MOST_ROUNDING * size : undefined,
        ),
      );
  const text = [
    `The most that a process of its own held at any moment (VmHWM), and how much of that was not mapped from files, which the system may drop: ${layers} layers, checkpoint of ${gigabytes(size)} GB; a picture's prompt, an answer of 128 tokens, one pass over everything and one with R-cache.`,
    "",
    table(rows),
    "",
    conditions([]),
  ].join("\n");
  return { name: "eight:memory", title: "8B shapes: memory", text, ok, json };
}
