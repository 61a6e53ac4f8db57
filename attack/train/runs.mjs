// Runs of `rediff train`, in processes of their own, and what they leave.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const program = fileURLToPath(new URL("../../packages/rediff/bin/rediff.mjs", import.meta.url));
const preload = pathToFileURL(join(import.meta.dirname, "preload.mjs")).href;
/** A run that takes longer hangs. */
const LIMIT_MS = 120_000;

/**
 * @typedef {object} Ended
 * @property {number | null} status
 * @property {NodeJS.Signals | null} signal
 * @property {string} said on stderr
 * @property {number} ms
 */

/**
 * @param {readonly string[]} args of `rediff train`
 * @param {{ kill?: import("./preload.mjs").KillPoint, clock?: number, onStart?: (kill: () => void) => () => void, shell?: string }} [how]
 *   `clock` in milliseconds beside the true one; `onStart` gets what kills the run, and returns what to do at its end;
 *   `shell` runs before it, in the same shell
 * @returns {Promise<Ended>}
 */
export function train(args, { kill, clock, onStart, shell } = {}) {
  const began = performance.now();
  const isAlone = kill === undefined && clock === undefined;
  const command = [
    process.execPath,
    ...(isAlone ? [] : ["--import", preload]),
    program,
    "train",
    ...args,
    "--threads=1",
  ];
  const [file = "", ...rest] = shell === undefined ? command : ["sh", "-c", `${shell}; exec "$@"`, "sh", ...command];
  const env = {
    ...process.env,
    OMP_NUM_THREADS: "1",
    ...(kill && { REDIFF_ATTACK_KILL: JSON.stringify(kill) }),
    ...(clock !== undefined && { REDIFF_ATTACK_CLOCK: String(clock) }),
  };
  return new Promise((resolve, reject) => {
    const child = spawn(file, rest, { stdio: ["ignore", "ignore", "pipe"], env });
    const chunks = /** @type {Buffer[]} */ ([]);
    child.stderr.on("data", (chunk) => chunks.push(chunk));
    const end = onStart?.(() => child.kill("SIGKILL"));
    const limit = setTimeout(() => child.kill("SIGKILL"), LIMIT_MS);
    child.on("error", reject);
    child.on("close", (status, signal) => {
      clearTimeout(limit);
      end?.();
      resolve({ status, signal, said: Buffer.concat(chunks).toString(), ms: performance.now() - began });
    });
  });
}

/** The lines of metrics.jsonl by step, without what no two runs have in common: times and memory. A line that was cut
 *  short is none. @param {string} output @returns {Map<number, string>} */
export function losses(output) {
  const file = join(output, "metrics.jsonl");
  const steps = new Map();
  for (const line of existsSync(file) ? readFileSync(file, "utf8").split("\n").slice(0, -1) : []) {
    const { step, epoch, learning_rate, gradient_norm, samples, tokens, rows, ...rest } = JSON.parse(line);
    const terms = Object.entries(rest).filter(([name]) => name.startsWith("loss"));
    const values = { step, epoch, learning_rate, gradient_norm, samples, tokens, rows, ...Object.fromEntries(terms) };
    if (steps.has(step)) throw new Error(`step ${step} is in ${file} twice`);
    steps.set(step, JSON.stringify(values));
  }
  return steps;
}

/** Hashes of the weights below a folder, moments included, by name. @param {string} folder */
export function weights(folder) {
  const files = readdirSync(folder, { withFileTypes: true, recursive: true }).filter(
    (entry) => entry.isFile() && /\.safetensors$/.test(entry.name),
  );
  const named = files.map((entry) => {
    const path = join(entry.parentPath, entry.name);
    return [relative(folder, path), createHash("sha256").update(readFileSync(path)).digest("hex")];
  });
  return JSON.stringify(named.sort());
}

/** The checkpoints that have their names. @param {string} output */
export function checkpoints(output) {
  if (!existsSync(output)) return [];
  const names = readdirSync(output).filter((name) => /^checkpoint-\d+$/.test(name));
  return names
    .map((name) => ({ step: Number(name.slice(11)), folder: join(output, name) }))
    .sort((a, b) => a.step - b.step);
}

/** The weights of a finished run, without those of its checkpoints. @param {string} output */
export function finalWeights(output) {
  if (!existsSync(join(output, "config.json"))) return "none";
  const all = /** @type {[string, string][]} */ (JSON.parse(weights(output)));
  return JSON.stringify(all.filter(([name]) => !/^\.?checkpoint-/.test(name)));
}
