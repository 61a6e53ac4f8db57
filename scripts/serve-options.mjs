// @ts-check
/** Whether `rediff serve` has the options that were typed, told before anything is installed or compiled: from the text of
 *  its sources, which say the names. What the values may be, the command itself says later. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

const SOURCES = ["commands/serve.ts", "options/describe-options.ts", "main.ts"];

/**
 * @param {string} root of the checkout
 * @param {readonly string[]} args
 * @returns {string | undefined} the first that is none
 */
export function unknownServeOption(root, args) {
  const known = new Set(["--help"]);
  for (const source of SOURCES) {
    const text = readFileSync(join(root, "packages", "rediff", "src", "cli", source), "utf8");
    for (const [, name = ""] of text.matchAll(/"(?:-\w, )?(--[a-z][\w-]*)/g)) known.add(name);
  }
  for (const [i, arg] of args.entries()) {
    const [name = ""] = arg.split("=");
    const mayBeValue = i > 0 && args[i - 1]?.startsWith("-"); // of the option before it
    if (name.startsWith("--") && name !== "--" && !known.has(name) && !mayBeValue) return name;
  }
  return undefined;
}
