// @ts-check
/** What can be fuzzed: one parser, what it reads, and what it may say to it. */
import { readdirSync } from "node:fs";
import { basename, dirname, isAbsolute, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** @typedef {import("./seeded.mjs").Random} Random */

/**
 * @typedef {object} Target
 * @property {readonly string[]} covers ends of the paths of the files under test, for the column of coverage
 * @property {readonly Uint8Array[]} seeds valid inputs, small
 * @property {((random: Random) => Uint8Array)} [make] more of them; one input in four begins as one
 * @property {(input: Uint8Array, random: Random) => Uint8Array} [change] changes one as its format goes, for formats in which
 *   a byte that is changed anywhere mostly ends the reading; every other input is changed by it
 * @property {readonly (string | Uint8Array)[]} [dictionary] what the format has words for
 * @property {(input: Uint8Array, place: Place) => unknown} run reads the input; false, or a promise of it, where a parser
 *   refuses without an error. An AssertionError is a finding
 * @property {readonly (new (...args: never[]) => Error)[]} [refusals] errors that it may throw, beside UserError,
 *   SafetensorsError and ApiError
 * @property {string} [file] the name of a file with the input, for a parser of files: its path is `place.file`
 * @property {number} [maxBytes] of an input; 1 MiB where it is not given
 * @property {number} [most] inputs at most, where each takes tens of milliseconds
 * @property {boolean} [refusesNothing]
 */

/** @typedef {{ file: string, folder: string }} Place `folder`: empty but for the file, and to be left so */

/** @param {Target} target */
export const defineTarget = (target) => target;

const folder = join(dirname(fileURLToPath(import.meta.url)), "targets");

/** Names of all targets, and their files. */
export function listTargets() {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".mjs"));
  return new Map(files.sort().map((file) => [basename(file, ".mjs"), join(folder, file)]));
}

/** @param {string} name of a target, or the path of its file @returns {Promise<Target>} */
export async function loadTarget(name) {
  const file = isAbsolute(name) ? name : listTargets().get(name);
  if (file === undefined) throw new Error(`no target ${name}`);
  return (await import(pathToFileURL(file).href)).default;
}
