// Disks that are full in earnest: a file system of a few hundred kilobytes, and a limit of what a file may have.

import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { isClear } from "./count.mjs";
import { COURSES } from "./course.mjs";
import { difference, undisturbed } from "./reference.mjs";
import { finalWeights, train } from "./runs.mjs";

const SMALL = "a small disk is full";
const LIMIT = "a file may be no larger (ulimit -f)";

/**
 * @param {import("./battery.mjs").Context} context
 * @param {{ tries: number }} options
 */
export async function fullDisks({ course, random, counts, log }, { tries }) {
  const reference = await undisturbed(course, Object.keys(COURSES)[0] ?? "");
  for (let i = 0; i < tries; i++) {
    // A model is half a megabyte, the moments one more; two checkpoints stay while a third is written.
    const kilobytes = random.between(40, 5500);
    log(`  a disk of ${kilobytes} kB`);
    onSmallDisk({ course, counts }, reference, `disk-${i}`, kilobytes);
  }
  for (let i = 0; i < Math.ceil(tries / 3); i++) {
    // sh counts in blocks of 512 bytes.
    const blocks = random.between(2, 2000);
    log(`  files of ${blocks / 2} kB at most`);
    await withLimit({ course, counts }, reference, `limit-${i}`, blocks);
  }
}

/** A file system in a name space of its own, which needs no rights where the system lends one to everybody.
 *  @param {Pick<import("./battery.mjs").Context, "course" | "counts">} context
 *  @param {import("./reference.mjs").Reference} reference @param {string} name @param {number} kilobytes */
function onSmallDisk({ course, counts }, reference, name, kilobytes) {
  const [disk, kept] = [join(course.folder, name), join(course.folder, `${name} kept`)];
  mkdirSync(disk);
  mkdirSync(kept);
  const program = join(import.meta.dirname, "../../packages/rediff/bin/rediff.mjs");
  const script = `
    mount -t tmpfs -o size=$1k tmpfs "$2" || exit 90
    disk=$2 kept=$3; shift 3
    "$@" 2>"$kept/first"; echo $? >"$kept/status"
    mkdir "$kept/half" && cp -r "$disk/run/." "$kept/half/" 2>/dev/null
    mount -o remount,size=64m "$disk" || exit 90
    "$@" 2>"$kept/second" || exit 91
    cp -r "$disk/run" "$kept/run"`;
  const args = [process.execPath, program, "train", ...reference.args, `output=${join(disk, "run")}`, "--threads=1"];
  const { status } = spawnSync("unshare", ["-Urm", "sh", "-c", script, "sh", String(kilobytes), disk, kept, ...args], {
    stdio: "ignore",
    env: { ...process.env, OMP_NUM_THREADS: "1" },
    timeout: 120_000,
  });
  const row = counts.of(SMALL);
  if (status === null || status === 90 || status === 1)
    return counts.notTried(SMALL, "this system lends no file system");
  const said = spawnSync("cat", [join(kept, "first")], { encoding: "utf8" }).stdout;
  const first = Number(spawnSync("cat", [join(kept, "status")], { encoding: "utf8" }).stdout);
  const trouble =
    (first !== 0 && !isClear(said) ? `says ${said.slice(-400)}` : undefined) ??
    difference(join(kept, "half"), reference, { isFinished: false }) ??
    (status === 0
      ? undefined
      : `the next start has failed: ${spawnSync("cat", [join(kept, "second")], { encoding: "utf8" }).stdout}`) ??
    difference(join(kept, "run"), reference, { isFinished: true });
  if (trouble !== undefined) row.fail(`${kilobytes} kB: ${trouble}`);
  else row.right(first === 0 ? "equal" : "refused");
}

/** @param {Pick<import("./battery.mjs").Context, "course" | "counts">} context
 *  @param {import("./reference.mjs").Reference} reference @param {string} name @param {number} blocks */
async function withLimit({ course, counts }, reference, name, blocks) {
  if (process.platform === "win32") return counts.notTried(LIMIT, "there is no such limit");
  const output = join(course.folder, name);
  const args = [...reference.args, `output=${output}`];
  const first = await train(args, { shell: `ulimit -f ${blocks}` });
  const trouble =
    (first.status !== 0 && !isClear(first.said) ? `says ${first.said}` : undefined) ??
    difference(output, reference, { isFinished: false });
  const second = trouble === undefined ? await train(args) : undefined;
  const later =
    second !== undefined && second.status !== 0
      ? `the next start has failed: ${second.said}`
      : difference(output, reference, { isFinished: true });
  const row = counts.of(LIMIT);
  if (trouble ?? later) row.fail(`${blocks / 2} kB: ${trouble ?? later}`);
  else row.right(first.status === 0 && finalWeights(output) === reference.final ? "equal" : "refused");
}
