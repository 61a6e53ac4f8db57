/** Regular expressions that come with an adapter. */
import { UserError } from "../../errors.js";
import { withinTime } from "../../text/bounds/within-time.js";

const LONGEST = 10_000;
/** For a module's name of some dozens of letters. */
const MOST_MS = 500;

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
  return withinTime(
    MOST_MS,
    () => new RegExp(pattern).test(text),
    () =>
      new UserError(
        `the adapter's pattern ${told} takes more than ${MOST_MS} ms to be looked for in ${text.slice(0, 100)}`,
        hint,
      ),
  );
}
