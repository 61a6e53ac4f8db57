// All attacks on a training, one kind after the other.

import { accessSync, constants, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomOf } from "../random.mjs";
import { changedData } from "./changed-data.mjs";
import { clocks } from "./clocks.mjs";
import { Counts } from "./count.mjs";
import { setUp } from "./course.mjs";
import { faults } from "./faults.mjs";
import { fullDisks } from "./full-disks.mjs";
import { kills } from "./kills.mjs";

export const isBuilt = existsSync(join(import.meta.dirname, "../../packages/rediff/dist/training/run/trainer.js"));

/**
 * @typedef {object} Context
 * @property {import("./course.mjs").Course} course
 * @property {import("../random.mjs").Random} random
 * @property {Counts} counts
 * @property {(line: string) => void} log lines that begin with spaces are details
 */

/**
 * With `kills` of 20 or more everything is tried, with fewer a share of it.
 * @type {Readonly<Record<string, (context: Context, kills: number) => Promise<void>>>}
 */
const KINDS = {
  kills: (context, count) => kills(context, { kills: count }),
  disks: async (context, count) => {
    await faults(context, { share: Math.min(1, count / 20) });
    await fullDisks(context, { tries: Math.max(1, Math.ceil((6 * Math.min(count, 20)) / 20)) });
  },
  clock: (context, count) => clocks(context, { tries: Math.max(1, Math.round(Math.min(count, 20) / 10)) }),
  data: (context, count) => changedData(context, { most: count }),
};

export const NAMES = Object.keys(KINDS);

/**
 * @param {{ kills: number, seed: number, only?: string, log: (line: string) => void }} options
 * @returns {Promise<{ kind: string, row: import("./count.mjs").Count }[]>}
 */
export async function runBattery({ kills, seed, only, log }) {
  const folder = mkdtempSync(join(place(), "rediff-attack-train-"));
  try {
    const course = await setUp(folder);
    const rows = [];
    for (const [kind, attack] of Object.entries(KINDS)) {
      if (only !== undefined && kind !== only) continue;
      log(kind);
      const counts = new Counts();
      await attack({ course, random: randomOf(`${kind} ${seed}`), counts, log }, kills);
      rows.push(...counts.rows.map((row) => ({ kind, row })));
    }
    return rows;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Where files go to the disk at once: a run waits for hundreds of them, and a kill takes no memory away. */
function place() {
  try {
    accessSync("/dev/shm", constants.W_OK);
    return "/dev/shm";
  } catch {
    return tmpdir();
  }
}
