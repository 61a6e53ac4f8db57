// @ts-check
/** Runs targets in processes of their own, and watches: what crashes, hangs or takes too much is found, confirmed alone,
 *  and kept as a file. */
import { spawn } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

/** @typedef {import("./fuzz-child.mjs").Job} Job */
/** @typedef {import("./fuzz-child.mjs").Report} Report */
/** @typedef {{ kind: string, what: string, file: string, repeat: string }} Finding  file: with the input */
/** @typedef {{ name: string, report: Report | undefined, findings: Finding[], seconds: number }} Outcome */

const child = fileURLToPath(new URL("fuzz-child.mjs", import.meta.url));
const root = fileURLToPath(new URL("../..", import.meta.url));

/** An input that has not come to an end after this long never will; a busy machine is slow, but not so slow. */
const HANG_MS = 20_000;

/** Of inputs of one kind that turn out well when they run alone. */
const MOST_TRIES = 4;

/** Of the child, so that an input that would fill the machine kills the child alone. */
const MOST_HEAP_MB = 1024;

/**
 * @param {string} name
 * @param {{ count: number, seed: number, keep: string }} options keep: the folder for inputs that found something
 * @returns {Promise<Outcome>}
 */
export async function fuzz(name, { count, seed, keep }) {
  const started = performance.now();
  const { report, raw } = await inChild({ name, seed, count });
  /** @type {Finding[]} */
  const findings = [];
  /** @type {Map<string, number>} */
  const seen = new Map();
  for (const { kind, what, input } of raw) {
    // One of each: the same fault is mostly found many times.
    const likeness = `${kind} ${what.replace(/\d+|".*"/g, "#").slice(0, 60)}`;
    const tries = seen.get(likeness) ?? 0;
    if (tries >= MOST_TRIES) continue;
    const file = keepInput(keep, `${name}-${findings.length}-${kind.replaceAll(" ", "-")}`, input);
    const isProved = !needsProof(kind) || (await fuzzInput(name, file)).findings.length > 0;
    seen.set(likeness, isProved ? MOST_TRIES : tries + 1);
    if (!isProved) {
      rmSync(file);
      continue;
    }
    findings.push({ kind, what, file, repeat: repeatCommand(name, file) });
  }
  return { name, report, findings, seconds: (performance.now() - started) / 1000 };
}

/** Times and memory depend on what else the process and the machine did. @param {string} kind */
const needsProof = (kind) => kind === "slow" || kind === "memory" || kind === "hang";

/**
 * One input alone.
 * @param {string} name
 * @param {string} input a file
 * @param {number} [hangMs]
 * @returns {Promise<Outcome>}
 */
export async function fuzzInput(name, input, hangMs = HANG_MS) {
  const started = performance.now();
  const { report, raw } = await inChild({ name, seed: 0, count: 1, input }, hangMs);
  const findings = raw.map(({ kind, what }) => ({ kind, what, file: input, repeat: repeatCommand(name, input) }));
  return { name, report, findings, seconds: (performance.now() - started) / 1000 };
}

/** @param {string} name @param {string} file */
function repeatCommand(name, file) {
  const near = relative(root, file);
  return `npm run fuzz -- --only ${name} --input ${near.startsWith("..") ? file : near}`;
}

/** @param {string} folder @param {string} name @param {Uint8Array} input */
function keepInput(folder, name, input) {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, name);
  writeFileSync(file, input);
  return file;
}

/** @typedef {{ kind: string, what: string, input: Uint8Array }} RawFinding */

/**
 * @param {Omit<Job, "scratch" | "folder">} job
 * @param {number} [hangMs]
 * @returns {Promise<{ report: Report | undefined, raw: RawFinding[] }>}
 */
async function inChild(job, hangMs = HANG_MS) {
  const scratch = mkdtempSync(join(tmpdir(), "rediff-fuzz-"));
  const folder = join(scratch, "folder");
  mkdirSync(folder);
  try {
    const end = await watched({ ...job, scratch, folder }, hangMs);
    const raw = readFindings(join(scratch, "findings.jsonl"));
    const report = join(scratch, "report.json");
    if (existsSync(report)) return { report: JSON.parse(readFileSync(report, "utf8")), raw };
    const input = readCurrent(join(scratch, "current"))?.input ?? new Uint8Array();
    return { report: undefined, raw: [...raw, { ...end, input }] };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/**
 * @param {Job} job
 * @param {number} hangMs
 * @returns {Promise<{ kind: string, what: string }>} what ended it, where it left no report
 */
function watched(job, hangMs) {
  const args = [
    "--expose-gc",
    "--no-flush-bytecode",
    `--max-old-space-size=${MOST_HEAP_MB}`,
    child,
    JSON.stringify(job),
  ];
  const env = { ...process.env, TMPDIR: job.folder, OMP_NUM_THREADS: "1", NODE_OPTIONS: "" };
  const running = spawn(process.execPath, args, { cwd: job.folder, env, stdio: ["ignore", "ignore", "pipe"] });
  let stderr = "";
  running.stderr.on("data", (chunk) => (stderr = (stderr + chunk).slice(-20_000)));
  const current = join(job.scratch, "current");
  let [number, since, hangs] = [-1, performance.now(), false];
  const watch = setInterval(() => {
    const now = readCurrent(current)?.number ?? -1;
    if (now !== number) [number, since] = [now, performance.now()];
    hangs = performance.now() - since > hangMs;
    if (hangs) running.kill("SIGKILL");
  }, hangMs / 20);
  return new Promise((resolve, reject) => {
    running.on("error", reject);
    running.on("close", (code, signal) => {
      clearInterval(watch);
      const said = stderr.split("\n").filter((line) => /Error|FATAL|Unsettled/.test(line))[0] ?? stderr.slice(0, 300);
      const kind = hangs ? "hang" : "crash";
      const what = hangs
        ? `no end after ${hangMs / 1000} s`
        : `ended with ${signal ?? `status ${code}`}: ${said.trim()}`;
      resolve({ kind, what });
    });
  });
}

/** @param {string} file @returns {RawFinding[]} */
function readFindings(file) {
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => {
      /** @type {import("./fuzz-child.mjs").Finding} */
      const { kind, what, input } = JSON.parse(line);
      return { kind, what, input: Buffer.from(input, "base64") };
    });
}

/** The input under way. @param {string} file */
function readCurrent(file) {
  if (!existsSync(file)) return undefined;
  const handle = openSync(file, "r");
  try {
    const head = Buffer.alloc(8);
    if (readSync(handle, head, 0, 8, 0) < 8) return undefined;
    const input = Buffer.alloc(Math.min(head.readUInt32LE(4), 1 << 28));
    return { number: head.readUInt32LE(0), input: input.subarray(0, readSync(handle, input, 0, input.length, 8)) };
  } finally {
    closeSync(handle);
  }
}
