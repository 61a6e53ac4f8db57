/** A command that is ended by a signal while it works. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { constants, setPriority } from "node:os";
import { type Finished, startRediff } from "../../testing/command-line.js";

const TRIES = 4;

export interface Interruption {
  cwd?: string;
  /** What the command writes, a line a result. */
  file: string;
  /** Ended as soon as so many lines are there. */
  lines: number;
  /** So many are all: a run that has them was not interrupted. */
  all: number;
  signal: NodeJS.Signals;
}

/** Lines that are complete. */
export const linesOf = (file: string): string[] =>
  existsSync(file) ? readFileSync(file, "utf8").split("\n").slice(0, -1) : [];

/** Starts `rediff ARGS` and ends it. It yields to whoever watches it; a run that came to its end unseen all the same, on a
 *  machine too busy to look in time, is done over from where it began. */
export async function interrupted(args: readonly string[], how: Interruption): Promise<Finished> {
  const { cwd, file, lines, all, signal } = how;
  const before = linesOf(file).map((line) => `${line}\n`);
  for (let tries = 1; ; tries++) {
    const { child, done } = await startRediff(args, cwd === undefined ? {} : { cwd });
    if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW);
    while (linesOf(file).length < lines && child.exitCode === null) await new Promise((on) => setTimeout(on, 2));
    child.kill(signal);
    const run = await done;
    if (linesOf(file).length < all || tries === TRIES) return run;
    writeFileSync(file, before.join(""));
  }
}
