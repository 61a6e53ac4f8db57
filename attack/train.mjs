// npm run attack:train: a small training is killed, its disk filled, its clock set and its data changed, and a table says
// whether what came of it is what the undisturbed run gives, or a clear refusal.

import { join } from "node:path";
import { conditions, table, writeSection } from "../bench/report.mjs";
import { parseOptions, runCommand } from "./command-line.mjs";
import { isBuilt, NAMES, runBattery } from "./train/battery.mjs";

const USAGE = `Usage: npm run attack:train -- [--kills N] [--seed N] [--only KIND]

Trains a tiny model in steps of milliseconds. The undisturbed run says which losses and weights are right; then runs are
killed with SIGKILL at random moments, many of them inside a save, their disks fill up or fail in every phase, the clock is
set, the data is changed, and each time the same command goes on. Prints how many ended equal (losses of all steps, weights
of all checkpoints and of the model), were refused in one clear line and ended equal once there was room again (changed
data: and went on with --accept-changed-data), or were wrong.
The status is 1 when something was wrong; what, and how to have it again, is printed last.

  --kills N    so many kills, and of the other kinds as much as goes with it (20: every phase of the disk)
  --seed N     which moments, in which order (1)
  --only KIND  one kind alone: ${NAMES.join(", ")}
  --json       print JSON
  --write      put the table into docs/security.md
  --verbose    say what is being done
`;

async function main() {
  const { help, json, write, verbose, only, kills = 20, seed } = parseOptions(["kills"], NAMES);
  if (help) return void process.stdout.write(USAGE);
  if (!isBuilt) throw new Error("rediff is not built: npm run setup");
  const log = (/** @type {string} */ line) => (verbose || !line.startsWith("  ")) && console.error(line);
  const began = performance.now();
  const rows = await runBattery({ kills, seed, ...(only !== undefined && { only }), log });
  const seconds = Math.round((performance.now() - began) / 1000);
  const text = reportText(rows, `${kills} kills, seed ${seed}, ${seconds} s`);
  const shown = { kills, seed, seconds, rows: rows.map(({ kind, row }) => ({ kind, ...row })) };
  process.stdout.write(json ? `${JSON.stringify(shown, undefined, 1)}\n` : `\n${text}\n`);
  if (write) await writeSection(join(import.meta.dirname, "../docs/security.md"), "attack-train", "Trainings", text);
  for (const { kind, row } of rows)
    for (const what of row.told)
      console.error(
        `wrong: ${row.title}: ${what}\n  again: npm run attack:train -- --kills ${kills} --seed ${seed} --only ${kind}`,
      );
  if (rows.some(({ row }) => row.wrong > 0)) process.exitCode = 1;
}

/** @param {Awaited<ReturnType<typeof runBattery>>} rows @param {string} what */
function reportText(rows, what) {
  const lines = rows.map(({ row }) => [
    row.note === undefined ? row.title : `${row.title}: not tried, ${row.note}`,
    ...[row.tried, row.equal, row.refused, row.wrong].map(String),
  ]);
  return `${table([["kind", "tried", "equal", "clearly refused", "wrong"], ...lines])}\n\n${conditions([], [what])}.`;
}

await runCommand(main, USAGE);
