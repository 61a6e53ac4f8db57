// What a run gives that nothing disturbs, and how another one differs from it.

import { join } from "node:path";
import { COURSES } from "./course.mjs";
import { checkpoints, finalWeights, losses, train, weights } from "./runs.mjs";

/**
 * @typedef {object} Reference
 * @property {string} name of its course
 * @property {readonly string[]} args of `rediff train`, without the output
 * @property {Map<number, string>} losses
 * @property {Map<number, string>} checkpoints hashes of the weights of each
 * @property {string} final
 * @property {number} ms that it took
 */

/** @type {Map<string, Promise<Reference>>} */
const known = new Map();

/** The run of one of the COURSES, once. @param {import("./course.mjs").Course} course @param {string} name */
export function undisturbed(course, name) {
  const key = `${course.folder}\n${name}`;
  const reference = known.get(key) ?? run(course, name);
  known.set(key, reference);
  return reference;
}

/** @param {import("./course.mjs").Course} course @param {string} name @returns {Promise<Reference>} */
async function run({ folder, recipe }, name) {
  const args = [recipe, ...(COURSES[name] ?? [])];
  const output = join(folder, `reference ${name}`);
  const { status, said, ms } = await train([...args, `output=${output}`, "save.keep=0"]);
  if (status !== 0) throw new Error(`the undisturbed run has failed: ${said}`);
  const saved = checkpoints(output).map(({ step, folder }) => /** @type {const} */ ([step, weights(folder)]));
  return { name, args, losses: losses(output), checkpoints: new Map(saved), final: finalWeights(output), ms };
}

/** What a run has left that the undisturbed one does not have, in words; undefined when all is equal.
 *  @param {string} output @param {Reference} reference @param {{ isFinished: boolean }} state */
export function difference(output, reference, { isFinished }) {
  const own = losses(output);
  for (const [step, line] of own)
    if (line !== reference.losses.get(step)) return `step ${step} has ${line}, not ${reference.losses.get(step)}`;
  for (const { step, folder } of checkpoints(output))
    if (weights(folder) !== reference.checkpoints.get(step)) return `checkpoint-${step} has other weights or moments`;
  if (!isFinished) return undefined;
  if (own.size !== reference.losses.size) return `${own.size} steps have losses, not ${reference.losses.size}`;
  return finalWeights(output) === reference.final ? undefined : "the trained weights are other ones";
}
