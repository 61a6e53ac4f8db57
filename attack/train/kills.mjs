// kill -9 at random moments of a run, many of them inside a save; the same command goes on.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { COURSES } from "./course.mjs";
import { difference, undisturbed } from "./reference.mjs";
import { train } from "./runs.mjs";

/** Calls at which a run kills itself, half of the call done: @type {readonly (readonly [pattern: string, most: number])[]} */
const CALLS = [
  ["^write \\.checkpoint-\\d+\\.saving.*model\\.safetensors", 150],
  ["^write \\.checkpoint-\\d+\\.saving.*optimizer\\.safetensors", 150],
  ["^(copyFile|writeFile) \\.checkpoint-\\d+\\.saving", 12],
  ["^(sync|rename) \\.checkpoint-\\d+\\.saving", 40],
  ["^rename checkpoint-\\d+$", 3],
  ["^(rename|rm) \\.checkpoint-\\d+\\.removing", 4],
  ["^write metrics\\.jsonl", 6],
  ["^write tensorboard", 12],
  ["^\\w+ \\..*\\.partial-", 60],
  ["^(rm|rename) (adapter|config\\.json|[\\w_]+\\.json|model.*)$", 6],
];

/** So many kills in one training at most: it has to come to its end, too. */
const IN_ONE = 8;

/**
 * @param {import("./battery.mjs").Context} context
 * @param {{ kills: number }} options
 */
export async function kills({ course, random, counts, log }, { kills }) {
  const names = Object.keys(COURSES).slice(0, kills < 6 ? 1 : undefined);
  const references = [];
  for (const name of names) references.push(await undisturbed(course, name));
  for (let done = 0, run = 0; done < kills; run++) {
    const reference = /** @type {(typeof references)[number]} */ (references[run % references.length]);
    const output = join(course.folder, `killed-${run}`);
    const args = [...reference.args, `output=${output}`];
    /** @type {import("./count.mjs").Count[]} */
    const rows = [];
    /** @type {string | undefined} */
    let trouble;
    while (trouble === undefined && rows.length < IN_ONE && done + rows.length < kills) {
      const ended = await train(args, moment(random, output, reference.ms));
      if (ended.status === 0) break; // it came to its end before that moment
      if (ended.signal !== "SIGKILL")
        trouble = `a run that goes on ended with ${ended.status ?? ended.signal}: ${ended.said}`;
      else {
        const what = left(output);
        log(`  killed: ${what}`);
        rows.push(counts.of(`killed: ${what}`));
        trouble = difference(output, reference, { isFinished: false });
      }
    }
    const last = trouble === undefined ? await train(args) : undefined;
    if (last !== undefined && last.status !== 0) trouble = `the last start has failed: ${last.said}`;
    trouble ??= difference(output, reference, { isFinished: true });
    for (const row of rows) {
      if (trouble === undefined) row.right("equal");
      else row.fail(`${reference.name}: ${trouble}`);
    }
    if (trouble !== undefined && rows.length === 0) counts.of("killed: nothing there yet").fail(trouble);
    done += Math.max(1, rows.length);
  }
}

/** When a run is killed: by itself at a call, from outside after a while, or from outside once a save has begun.
 *  @param {import("../random.mjs").Random} random @param {string} output @param {number} usual milliseconds of a whole run
 *  @returns {Parameters<typeof train>[1]} */
function moment(random, output, usual) {
  const kind = random.below(5);
  if (kind < 3) {
    const [pattern, most] = random.pick(CALLS);
    return { kill: { root: output, pattern, nth: random.between(1, most), half: random.below(4) > 0 } };
  }
  if (kind === 3) {
    const after = random.share() * usual;
    return {
      onStart(kill) {
        const timer = setTimeout(kill, after);
        return () => clearTimeout(timer);
      },
    };
  }
  const [saves, after] = [random.between(1, 4), random.share() * 12];
  return {
    onStart(kill) {
      const seen = new Set();
      const timer = setInterval(() => {
        for (const name of existsSync(output) ? readdirSync(output) : []) if (/\.saving-/.test(name)) seen.add(name);
        if (seen.size < saves) return;
        clearInterval(timer);
        setTimeout(kill, after);
      }, 1);
      return () => clearInterval(timer);
    },
  };
}

/** What a killed run has left, in words. @param {string} output */
function left(output) {
  const names = existsSync(output) ? readdirSync(output) : [];
  if (names.some((name) => /\.saving-/.test(name))) return "a half-written save";
  if (names.some((name) => /\.removing-/.test(name))) return "an old checkpoint half removed";
  if (names.some((name) => /\.partial-/.test(name))) return "a half-written model";
  if (isTorn(join(output, "metrics.jsonl"))) return "half a line of losses";
  return names.some((name) => /^checkpoint-/.test(name)) ? "between two saves" : "before the first save";
}

/** @param {string} file */
function isTorn(file) {
  const text = existsSync(file) ? readFileSync(file, "utf8") : "";
  return text !== "" && !text.endsWith("\n");
}
