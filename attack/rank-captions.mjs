// Captions of four processes, three of which are killed once each: the file has to be that of one process, byte for byte but
// for the times in it.

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { png } from "./files.mjs";
import { childrenOf, start } from "./rank-processes.mjs";

const PROCESSES = 4;
const VICTIMS = [1, 2, 3];

/** What differs from run to run. */
const TIMES = /"seconds":[^,]+,"tokens_per_second":[^,]+,/g;

/** None of a file that is not there, or that is gone at this very moment: what processes have left is put together.
 *  @param {string} path */
function linesOf(path) {
  try {
    return readFileSync(path, "utf8").split("\n").length - 1;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === "ENOENT") return 0;
    throw error;
  }
}

/** What is wrong with what comes of it, or undefined.
 *  @param {{ folder: string, model: string, pictures: number }} what */
export async function killCaptioners({ folder, model, pictures }) {
  const shown = join(folder, "shown");
  mkdirSync(shown);
  for (let i = 0; i < pictures; i++)
    writeFileSync(join(shown, `${String(i).padStart(6, "0")}.png`), png(14 + (i % 9), 14 + (i % 5)));
  /** @param {string} output */
  const caption = (output) => [
    ...["caption", shown, "--model", model, "--gen-length", "8", "--steps", "8", "--device", "cpu"],
    ...["--dtype", "float32", "--threads", "1", "--output", output],
  ];
  const [alone, together] = [join(folder, "alone.jsonl"), join(folder, "together.jsonl")];
  const first = await start(caption(alone)).ended;
  if (first.status !== 0) return `the undisturbed run ended with status ${first.status}: ${first.said}`;

  const { child, ended } = start([
    ...["launch", "--nproc", String(PROCESSES), "--restarts", String(VICTIMS.length), "--"],
    ...caption(together),
  ]);
  let dead = 0;
  for (const victim of VICTIMS) {
    const own = `${together}.rank-0000${victim}-of-0000${PROCESSES}`;
    // Of this attempt: what the last one has left is put together before anything is begun.
    while (child.exitCode === null && linesOf(own) > 0 && dead > 0) await sleep(2);
    while (child.exitCode === null && linesOf(own) === 0) await sleep(2);
    const pid = childrenOf(child.pid)[victim];
    if (child.exitCode !== null || pid === undefined) break;
    process.kill(pid, "SIGKILL");
    dead++;
  }
  const { status, said } = await ended;
  rmSync(shown, { recursive: true });
  if (dead < VICTIMS.length) return `all was done when ${dead} of ${VICTIMS.length} were killed: take more --pictures`;
  if (status !== 0) return `status ${status}: ${said}`;
  for (const victim of VICTIMS)
    if (!said.includes(`rank ${victim} was killed by SIGKILL`)) return `nobody names rank ${victim}: ${said}`;
  const [right, found] = [alone, together].map((path) => readFileSync(path, "utf8").replace(TIMES, ""));
  if (right !== found) return `${linesOf(together)} lines, ${linesOf(alone)} of one process, and they are not the same`;
  const left = readdirSync(folder).filter((name) => name.includes(".rank-"));
  return left.length > 0 ? `left behind: ${left.join(", ")}` : undefined;
}
