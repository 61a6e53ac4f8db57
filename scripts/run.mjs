// @ts-check
/** node scripts/run.mjs NAME ARGS: one of the scripts beside this file, where Node is new enough to read it. For the
 *  commands that a new user types first. */
import { nodeProblem } from "../packages/rediff/bin/node-version.mjs";

const problem = nodeProblem();
if (problem === undefined) {
  const name = process.argv.splice(2, 1)[0];
  import(`./${name}.mjs`);
} else {
  process.stderr.write(`setup: ${problem}\n`);
  process.exitCode = 1;
}
