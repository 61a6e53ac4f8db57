// Numbers to text: medians, tables, and the section of docs/benchmarks.md that a run replaces.

import { existsSync, readFileSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { cpus, totalmem } from "node:os";
import { dirname } from "node:path";
import { flagsOf } from "../scripts/processors.mjs";

/** @param {readonly number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const at = (/** @type {number} */ place) => sorted[place] ?? Number.NaN;
  return sorted.length % 2 === 1 ? at(middle) : (at(middle - 1) + at(middle)) / 2;
}

/** `12.3 (11.9-14.0)`: median, and the range where there is more than one value.
 *  @param {readonly number[]} values */
export function spread(values, digits = 2) {
  const range =
    values.length > 1 ? ` (${Math.min(...values).toFixed(digits)}-${Math.max(...values).toFixed(digits)})` : "";
  return `${median(values).toFixed(digits)}${range}`;
}

/** How many times faster `ours` is than `theirs`, both in seconds: the ratio of medians, and the range of the ratios
 *  within each repetition, where both ran one right after the other.
 *  @param {readonly number[]} theirs @param {readonly number[]} ours */
export function speedup(theirs, ours) {
  const pairs = theirs.map((seconds, repeat) => seconds / (ours[repeat] ?? Number.NaN));
  const range = pairs.length > 1 ? ` (${Math.min(...pairs).toFixed(2)}-${Math.max(...pairs).toFixed(2)})` : "";
  return `${(median(theirs) / median(ours)).toFixed(2)}x${range}`;
}

export const gigabytes = (/** @type {number} */ bytes) => (bytes / 1e9).toFixed(2);

/** A Markdown table. `rows[0]` is the heading. @param {readonly (readonly (string | number)[])[]} rows */
export function table(rows) {
  const [heading = []] = rows;
  const widths = heading.map((_, column) => Math.max(...rows.map((row) => String(row[column]).length)));
  const line = (/** @type {readonly (string | number)[]} */ row) =>
    `| ${row.map((cell, column) => String(cell).padEnd(widths[column] ?? 0)).join(" | ")} |`;
  return [
    line(heading),
    `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`,
    ...rows.slice(1).map(line),
  ].join("\n");
}

/** What the numbers were taken on.
 *  @param {readonly { name: string, hello: { torch: string, threads: number } }[]} sides @param {readonly string[]} extra */
export function conditions(sides, extra = []) {
  const cpu = `${processor()}${limitOf() === undefined ? "" : `, all kernels limited to those of ${limitOf()}`}`;
  const versions = sides.map(({ name, hello }) => `${name}: torch ${hello.torch}, ${hello.threads} threads`);
  return [
    `${new Date().toISOString().slice(0, 10)}, ${cpu}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GB`,
    ...versions,
    ...extra,
  ].join("; ");
}

/** The instructions that decide how fast matrices are multiplied, best first. */
const TELLING = [
  "amx_bf16",
  "avx512_bf16",
  "avx512_vnni",
  "avx512f",
  "avx_vnni",
  "avx2",
  "bf16",
  "i8mm",
  "sve",
  "asimd",
];

/** `AMD EPYC, avx2`. */
function processor() {
  const model = cpus()[0]?.model.trim() ?? "unknown processor";
  const known = flagsOf(existsSync(CPUINFO) ? readFileSync(CPUINFO, "utf8") : undefined);
  return [model, ...TELLING.filter((name) => known?.has(name)).slice(0, 3)].join(", ");
}

const CPUINFO = "/proc/cpuinfo"; // of Linux

/** What the environment makes of this processor for libtorch, and for the original beside it: `AVX2` with
 *  ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 MKL_ENABLE_INSTRUCTIONS=AVX2. Such figures have a section of their own. */
export const limitOf = () => process.env.ATEN_CPU_CAPABILITY?.toUpperCase();

/** Puts `text` between the markers of section `name` in a Markdown file; the section is appended if it is new.
 *  @param {string} path @param {string} name @param {string} title @param {string} text */
export async function writeSection(path, name, title, text) {
  await mkdir(dirname(path), { recursive: true });
  const before = await readFile(path, "utf8").catch((error) => {
    if (error.code !== "ENOENT") throw error;
    return "# Benchmarks\n\nMeasured side by side with the Python reference; bench/README.md says how to run them.\n";
  });
  await writeFile(path, replaceSection(before, name, `## ${title}\n\n${text}`));
}

/** @param {string} document @param {string} name @param {string} text */
export function replaceSection(document, name, text) {
  const [open, close] = [`<!-- bench:${name} -->`, `<!-- /bench:${name} -->`];
  const section = `${open}\n${text}\n${close}\n`;
  const start = document.indexOf(open);
  if (start === -1) return `${document.trimEnd()}\n\n${section}`;
  const end = document.indexOf(close, start);
  if (end === -1) throw new Error(`${open} is not closed by ${close}`);
  return document.slice(0, start) + section + document.slice(end + close.length).replace(/^\n/, "");
}
