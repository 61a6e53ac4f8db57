// @ts-check
/** One target in a process of its own: node fuzz-child.mjs JOB, with the job as JSON.
 *
 *  The input under way lies in a file, so that whoever watches knows which one killed the process. Findings and the
 *  report are files as well. */
import { appendFileSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { startCoverage } from "./block-coverage.mjs";
import { u32le } from "./bytes.mjs";
import { mutated } from "./mutate.mjs";
import { forgetPeak, peakBytes, waitedMs } from "./own-process.mjs";
import { seeded } from "./seeded.mjs";
import { loadTarget } from "./target.mjs";
import { wrongWith } from "./verdict.mjs";

/** @typedef {{ name: string, scratch: string, folder: string, seed: number, count: number, input?: string | undefined }} Job
 *    scratch: a folder of its own; folder: what TMPDIR names too, empty; input: a file, to run it alone */
/** @typedef {{ kind: "wrong" | "slow" | "memory" | "left behind", what: string, number: number, input: string }} Finding
 *    input: in base64 */
/** @typedef {{ inputs: number, accepted: number, refused: number, slowestMs: number, peakBytes: number, coverage: number,
 *    kept: number, digest: number, refusesNothing: boolean }} Report
 *    peakBytes: the most for one input; coverage: share of the parser's code; kept: inputs that found something new;
 *    digest: of all inputs, equal where they are */

const SLOW_MS = 1000;
const MOST_BYTES = 64 << 20;
/** One look at the counters costs as much as some inputs. */
const INPUTS_PER_LOOK = 16;
const MOST_KEPT = 2000;
const LONGEST_KEPT = 1 << 14;
const MOST_FINDINGS = 20;
/** Exit status. */
const UNCAUGHT = 70;

/** @type {Job} */
const job = JSON.parse(process.argv[2] ?? "");
const target = await loadTarget(job.name);
const { folder } = job;
const file = join(folder, target.file ?? "input");
const current = openSync(join(job.scratch, "current"), "w+");
let findings = 0;
/** Also those that are second tries, so that whoever watches sees that it goes on. */
let attempts = 0;
let memory = process.memoryUsage();

/** @type {Report} */
const report = {
  inputs: 0,
  accepted: 0,
  refused: 0,
  slowestMs: 0,
  peakBytes: 0,
  coverage: 0,
  kept: 0,
  digest: 0,
  refusesNothing: target.refusesNothing === true,
};

/** @param {Finding["kind"]} kind @param {string} what @param {Uint8Array} input */
function found(kind, what, input) {
  const finding = { kind, what, number: report.inputs, input: Buffer.from(input).toString("base64") };
  appendFileSync(join(job.scratch, "findings.jsonl"), `${JSON.stringify(finding)}\n`);
  findings++;
}

/** @param {Uint8Array} input @returns {Promise<{ isAccepted: boolean, wrong?: string | undefined }>} */
async function attempt(input) {
  try {
    return { isAccepted: (await target.run(input, { file, folder })) !== false };
  } catch (error) {
    return { isAccepted: false, wrong: wrongWith(target, error) };
  }
}

/** @typedef {{ isAccepted: boolean, wrong?: string | undefined, ms: number, grown: number }} Measures */

/** @param {Uint8Array} input @returns {Promise<Measures>} */
async function measured(input) {
  const head = Buffer.concat([u32le(attempts++), u32le(input.length)]);
  writeSync(current, head, 0, head.length, 0);
  writeSync(current, input, 0, input.length, head.length);
  if (target.file !== undefined) writeFileSync(file, input);

  const highest = peakBytes();
  const [started, waited] = [performance.now(), waitedMs()];
  const outcome = await attempt(input);
  // What a busy machine adds is no property of an input.
  const ms = performance.now() - started - (waitedMs() - waited);
  const [before, peak] = [memory, peakBytes()];
  memory = process.memoryUsage();
  // What was asked for outside of V8's heap counts also where it was never written to.
  const grown = Math.max(peak > highest ? peak - before.rss : 0, memory.external - before.external, 0);
  return { ...outcome, ms, grown };
}

/** A pause of the machine's or of the garbage collector's is no property of an input: what takes too much has a second try.
 *  @param {Uint8Array} input @returns {Promise<Measures>} */
async function measuredTwice(input) {
  const first = await measured(input);
  if (first.ms <= SLOW_MS && first.grown <= MOST_BYTES + input.length) return first;
  startAfresh();
  const second = await measured(input);
  return { ...first, ms: Math.min(first.ms, second.ms), grown: Math.min(first.grown, second.grown) };
}

function startAfresh() {
  globalThis.gc?.();
  forgetPeak();
  memory = process.memoryUsage();
}

/** @param {Uint8Array} input @param {Measures} measures */
function judge(input, { isAccepted, wrong, ms, grown }) {
  report.inputs++;
  report[isAccepted ? "accepted" : "refused"]++;
  report.slowestMs = Math.max(report.slowestMs, ms);
  report.peakBytes = Math.max(report.peakBytes, grown);
  if (wrong !== undefined) found("wrong", wrong, input);
  if (ms > SLOW_MS) found("slow", `took ${Math.round(ms)} ms`, input);
  if (grown > MOST_BYTES + input.length) {
    found("memory", `took ${(grown / 2 ** 20).toFixed(0)} MiB`, input);
    forgetPeak();
  }
  for (const left of readdirSync(folder)) {
    if (left === target.file) continue;
    found("left behind", `left ${left}`, input);
    rmSync(join(folder, left), { recursive: true });
  }
}

async function runMany() {
  const random = seeded(job.name, job.seed);
  const corpus = [...target.seeds];
  const dictionary = target.dictionary ?? [];
  const maxBytes = target.maxBytes ?? 1 << 20;
  const coverage = startCoverage();
  for (const seed of corpus) judge(seed, await measuredTwice(seed));
  coverage.take();
  /** @param {readonly Uint8Array[]} bases */
  const nextInput = (bases) => {
    if (random.oneIn(20)) return random.pick(bases);
    if (target.change !== undefined && random.oneIn(2)) {
      const made = random.oneIn(2) ? target.make?.(random) : undefined;
      return target.change(made ?? random.pick(bases), random);
    }
    return mutated(random, { corpus: bases, dictionary, maxBytes });
  };
  /** @type {Uint8Array[]} */
  let lately = [];
  const count = Math.min(job.count, target.most ?? job.count);
  while (report.inputs < count && findings < MOST_FINDINGS) {
    const known = random.oneIn(2) ? target.seeds : corpus;
    const bases = target.make !== undefined && random.oneIn(4) ? [target.make(random)] : known;
    const input = nextInput(bases);
    report.digest = (Math.imul(report.digest, 31) + input.length + (input[input.length >> 1] ?? 0)) >>> 0;
    judge(input, await measuredTwice(input));
    lately.push(input);
    if (lately.length < INPUTS_PER_LOOK) continue;
    const room = MOST_KEPT - corpus.length;
    if (coverage.take()) corpus.push(...lately.filter(({ length }) => length <= LONGEST_KEPT).slice(0, room));
    lately = [];
  }
  coverage.take();
  report.coverage = coverage.share(target.covers);
  report.kept = corpus.length - target.seeds.length;
}

/** The fastest of three, and the memory of the last: a busy machine or a first call is no finding.
 *  @param {Uint8Array} input */
async function runAlone(input) {
  for (const seed of target.seeds) await measured(seed);
  const times = [];
  let last = await measured(input);
  for (let i = 0; i < 3; i++) {
    startAfresh();
    last = await measured(input);
    times.push(last.ms);
  }
  judge(input, { ...last, ms: Math.min(...times) });
}

process.on("uncaughtException", (error) => {
  process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  process.exit(UNCAUGHT);
});
if (job.input === undefined) await runMany();
else await runAlone(readFileSync(job.input));
writeFileSync(join(job.scratch, "report.json"), JSON.stringify(report));
process.exit(0); // What a parser left open is no reason to stay.
