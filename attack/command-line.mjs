// What the commands of this folder have in common: numbers among their options, a kind by its name, and how they fail.

import { parseArgs } from "node:util";

/** Something in how the command was typed; its usage follows the message. */
export class UsageError extends Error {}

/** What is the same everywhere. */
const string = /** @type {const} */ ({ type: "string" });
const flag = /** @type {const} */ ({ type: "boolean", default: false });
const COMMON = { seed: string, only: string, json: flag, write: flag, verbose: flag, help: flag };

/** The options, numbers as positive integers or undefined.
 *  @template {string} N
 *  @param {readonly N[]} numbers besides --seed, which is 1 when it is not given
 *  @param {readonly string[]} kinds that --only takes */
export function parseOptions(numbers, kinds) {
  const more = Object.fromEntries(numbers.map((name) => [name, string]));
  let values;
  try {
    values = parseArgs({ options: { ...COMMON, ...more } }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  const { only, json, write, verbose, help } = values;
  if (only !== undefined && !kinds.includes(only))
    throw new UsageError(`--only must be one of ${kinds.join(", ")}; got ${only}`);
  const given = /** @type {Record<string, string | boolean | undefined>} */ (values);
  const number = (/** @type {string} */ name) => positive(`--${name}`, given[name]);
  return {
    ...{ only, json, write, verbose, help },
    seed: number("seed") ?? 1,
    .../** @type {Record<N, number | undefined>} */ (Object.fromEntries(numbers.map((name) => [name, number(name)]))),
  };
}

/** @param {string} name @param {string | boolean | undefined} text */
function positive(name, text) {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new UsageError(`${name} must be a positive integer, got ${text}`);
  return value;
}

/** Runs a command. What is wrong is told in a line, with the usage or, after --verbose, its stack.
 *  @param {() => Promise<void>} main @param {string} usage */
export async function runCommand(main, usage) {
  try {
    await main();
  } catch (error) {
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    const verbose = process.argv.includes("--verbose");
    console.error(error instanceof UsageError ? `${message}\n\n${usage}` : verbose ? stack : message);
    process.exitCode = 1;
  }
}
