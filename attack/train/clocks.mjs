// A clock that is set, back or ahead, between two starts of a run and while it saves.

import { readdirSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { COURSES } from "./course.mjs";
import { difference, undisturbed } from "./reference.mjs";
import { train } from "./runs.mjs";

const HOUR = 3_600_000;

/** Of the second start, beside the first one's. */
const CLOCKS = {
  "set back by an hour": -HOUR,
  "set back by ten years": -87_600 * HOUR,
  "set ahead by a year": 8760 * HOUR,
};

/**
 * @param {import("./battery.mjs").Context} context
 * @param {{ tries: number }} options of each clock
 */
export async function clocks({ course, random, counts, log }, { tries }) {
  const reference = await undisturbed(course, Object.keys(COURSES)[0] ?? "");
  for (const [name, clock] of Object.entries(CLOCKS)) {
    for (let i = 0; i < tries; i++) {
      log(`  ${name}`);
      const output = join(course.folder, `clock ${name} ${i}`);
      const args = [...reference.args, `output=${output}`];
      const pattern = random.pick([
        "^write .*optimizer\\.safetensors",
        "^rename checkpoint-",
        "^write metrics\\.jsonl",
      ]);
      const nth = pattern.startsWith("^write .*opt") ? random.between(20, 150) : random.between(2, 5);
      const first = await train(args, { kill: { root: output, pattern, nth, half: true } });
      // Files keep the time at which they were written: to the second start they are of the past, or of the future.
      const second = await train(args, { clock, kill: { root: output, pattern, nth: 2, half: true } });
      const when = new Date(Date.now() - clock);
      for (const file of readdirSync(output)) utimesSync(join(output, file), when, when);
      const last = await train(args, { clock: 0 });
      const ends = [first.signal, second.signal, last.status];
      const trouble =
        ends.join() === "SIGKILL,SIGKILL,0"
          ? difference(output, reference, { isFinished: true })
          : `starts ended with ${ends.join(", ")}: ${last.said}`;
      const row = counts.of(`clock ${name}`);
      if (trouble === undefined) row.right("equal");
      else row.fail(trouble);
    }
  }
}
