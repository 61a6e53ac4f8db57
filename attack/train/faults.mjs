// Disks that say no at any call of a run: what Node says is made up, so every phase can be tried, in this process.

import { mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isClear } from "./count.mjs";
import { COURSES, moduleOf } from "./course.mjs";
import { difference } from "./reference.mjs";
import { checkpoints, finalWeights, losses, weights } from "./runs.mjs";

const STEPS = 4;

/** What is tried at every kind of call, and one of what else may happen. */
const ALWAYS = [
  { how: "ENOSPC", half: true },
  { how: "dies", half: true },
];
const SOMETIMES = [
  { how: "ENOSPC", half: false },
  { how: "EDQUOT", half: true },
  { how: "EROFS", half: false },
  { how: "EACCES", half: false },
  { how: "EIO", half: true },
];

const TITLES = /** @type {Readonly<Record<string, string>>} */ ({
  ENOSPC: "disk full",
  EDQUOT: "quota used up",
  EROFS: "disk read-only",
  EACCES: "permission withdrawn",
  EIO: "disk broken",
  dies: "dies within a call",
});

/**
 * @param {import("./battery.mjs").Context} context
 * @param {{ share: number }} options of the phases, from 0 to 1
 */
export async function faults({ course, random, counts, log }, { share }) {
  const { faultyDisk } = await moduleOf("testing/disk-faults.js");
  const { setThreads } = await moduleOf("../../torch/dist/index.js");
  setThreads(1);
  const output = join(course.folder, "disks/run");
  mkdirSync(join(course.folder, "disks"));
  const run = await runner(course, output);
  const runOn = async (/** @type {object | undefined} */ fault) => {
    rmSync(output, { recursive: true, force: true });
    const disk = faultyDisk(output, fault);
    try {
      return { error: await run(), calls: /** @type {string[]} */ (disk.calls) };
    } finally {
      disk[Symbol.dispose]();
    }
  };
  const { error, calls } = await runOn(undefined);
  if (error !== undefined) throw error;
  const saved = checkpoints(output).map(({ step, folder }) => /** @type {const} */ ([step, weights(folder)]));
  const early = await earlyCheckpoints(output, run);
  const reference = {
    ...{ name: "disks", args: [], ms: 0 },
    losses: losses(output),
    checkpoints: new Map([...saved, ...early]),
    final: finalWeights(output),
  };
  const points = phases(calls);
  log(`  ${points.length} phases of ${calls.length} calls`);
  for (const at of points) {
    if (random.share() >= share) continue;
    for (const fault of [...ALWAYS, random.pick(SOMETIMES)]) {
      const row = counts.of(`${TITLES[fault.how]}, at any call`);
      const where = `${fault.how} at ${calls[at]}`;
      const { error } = await runOn({ at, ...fault });
      // Its process is this one, which lives.
      rmSync(join(output, ".lock"), { force: true });
      const line = error instanceof Error && "line" in error ? `rediff: ${error.line}` : String(error);
      const isRefused = error !== undefined && fault.how !== "dies"; // the dead say nothing
      const trouble =
        (isRefused && !isClear(line) ? `says ${line}` : undefined) ??
        difference(output, reference, { isFinished: false }) ??
        (await again(run)) ??
        difference(output, reference, { isFinished: true });
      if (trouble !== undefined) row.fail(`${where}: ${trouble}`);
      else row.right(isRefused ? "refused" : "equal");
    }
  }
}

/** A run in this process, as the command does it. @param {import("./course.mjs").Course} course @param {string} output */
async function runner({ recipe }, output) {
  const { readRecipe } = await moduleOf("training/recipe/recipe-file.js");
  const { train } = await moduleOf("training/run/trainer.js");
  const { trainReport } = await moduleOf("cli/terminal/train-report.js");
  const keys = [...(COURSES["language and projector"] ?? []), `output=${output}`, "workers=0", `max_steps=${STEPS}`];
  const parsed = readRecipe(recipe, [...keys, "save={every: 2, keep: 1}"]);
  return async () => {
    const write = process.stderr.write;
    process.stderr.write = () => true;
    const report = trainReport(parsed, { json: false });
    try {
      await train(parsed, report);
      return undefined;
    } catch (error) {
      return error;
    } finally {
      report.close();
      process.stderr.write = write;
    }
  };
}

/** The checkpoints that a whole run removes again. @param {string} output @param {() => Promise<unknown>} run */
async function earlyCheckpoints(output, run) {
  const { faultyDisk } = await moduleOf("testing/disk-faults.js");
  const kept = `${output} kept`;
  renameSync(output, kept);
  const disk = faultyDisk(output, { at: (/** @type {string} */ call) => /^rm .*removing/.test(call), how: "dies" });
  await run();
  disk[Symbol.dispose]();
  const early = checkpoints(output).map(({ step, folder }) => /** @type {const} */ ([step, weights(folder)]));
  rmSync(output, { recursive: true, force: true });
  renameSync(kept, output);
  return early;
}

/** @param {() => Promise<unknown>} run */
async function again(run) {
  const error = await run();
  return error === undefined ? undefined : `the next start says ${error instanceof Error ? error.message : error}`;
}

/** Calls of each kind in each file, the first and the last. @param {readonly string[]} calls */
function phases(calls) {
  const kinds = calls.map((call) => call.replace(/[\da-f]{12}/g, "X").replace(/\d+/g, "N"));
  return [...new Set(kinds.flatMap((kind) => [kinds.indexOf(kind), kinds.lastIndexOf(kind)]))].sort((a, b) => a - b);
}
