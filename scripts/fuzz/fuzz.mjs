// @ts-check
/** npm run fuzz [-- OPTIONS]: every parser that reads what others wrote, against inputs that are nearly right. */
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { root, runScript, SetupError, setUp, UsageError } from "../workspace.mjs";
import { fuzz, fuzzInput } from "./fuzz-runner.mjs";
import { table, told } from "./fuzz-table.mjs";
import { listTargets } from "./target.mjs";

const usage = `npm run fuzz -- [options]

  --count N       inputs for each target (default 10000)
  --seed N        other inputs than those of seed 0
  --only NAME     one target, or all with this in their name
  --input FILE    run this one input alone, against the target of --only
  --keep DIR      where inputs that found something go (default fuzz-findings)
  --list          name the targets, run nothing`;

/** @param {string} name @param {string} text */
function wholeNumber(name, text) {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new UsageError(`--${name} ${text}: expected a whole number`, "--help lists the options.");
}

await runScript(async () => {
  const { values } = parseArgs({
    options: {
      count: { type: "string", default: "10000" },
      seed: { type: "string", default: "0" },
      only: { type: "string", default: "" },
      input: { type: "string" },
      keep: { type: "string", default: join(root, "fuzz-findings") },
      list: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const count = wholeNumber("count", values.count);
  const seed = wholeNumber("seed", values.seed);
  const all = [...listTargets().keys()];
  const chosen = all.includes(values.only) ? [values.only] : all.filter((name) => name.includes(values.only));
  const [first] = chosen;
  if (first === undefined)
    throw new SetupError(`no target has "${values.only}" in its name`, `They are: ${all.join(", ")}.`);
  if (values.list) {
    console.log(chosen.join("\n"));
    return 0;
  }
  await setUp({ quiet: true });
  if (values.input !== undefined) {
    if (chosen.length > 1) throw new SetupError(`--only ${values.only}: ${chosen.length} targets`, "Name one of them.");
    return tell([await fuzzInput(first, resolve(values.input))]);
  }
  const outcomes = [];
  for (const name of chosen) {
    const outcome = await fuzz(name, { count, seed, keep: resolve(values.keep) });
    outcomes.push(outcome);
    for (const line of told(outcome)) console.log(line);
  }
  return tell(outcomes);
});

/** @param {import("./fuzz-runner.mjs").Outcome[]} outcomes @returns the exit status */
function tell(outcomes) {
  if (outcomes.length === 1) for (const outcome of outcomes) console.log(told(outcome).join("\n"));
  console.log(table(outcomes).join("\n"));
  return outcomes.every(({ findings }) => findings.length === 0) ? 0 : 1;
}
