/** Regular expressions that come with an adapter. One of a few letters can take longer than a life; V8 stops a script
 *  that runs out of time, expressions included. */
import { createContext, Script } from "node:vm";
import { UserError } from "../../errors.js";

const LONGEST = 10_000;
/** For a module's name of some dozens of letters. */
const MOST_MS = 500;

const place: { pattern: string; text: string } = { pattern: "", text: "" };
const context = createContext(place);
const script = new Script("new RegExp(pattern).test(text)");

export function isPattern(pattern: string): boolean {
  if (pattern.length > LONGEST) return false;
  try {
    new RegExp(`(${pattern})`);
    return true;
  } catch {
    return false;
  }
}

/** @throws UserError when it takes too long, SyntaxError when it is no pattern */
export function matches(pattern: string, text: string): boolean {
  const told = JSON.stringify(pattern.slice(0, 100));
  const hint = "Do not use this adapter, or merge it in Python (merge_and_unload).";
  if (pattern.length > LONGEST)
    throw new UserError(
      `the adapter's pattern ${told} has ${pattern.length} letters; at most ${LONGEST} are read`,
      hint,
    );
  Object.assign(place, { pattern, text });
  try {
    return script.runInContext(context, { timeout: MOST_MS }) === true;
  } catch (error) {
    // It may be of the context's own classes.
    const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
    if (code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw error;
    throw new UserError(
      `the adapter's pattern ${told} takes more than ${MOST_MS} ms to be looked for in ${text.slice(0, 100)}`,
      hint,
    );
  }
}
