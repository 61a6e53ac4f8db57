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

/** The first of patterns that is found in a text; -1 when none is. All of them have the time of one: there may be as many as
 *  an adapter has modules, for each of its modules.
 *  @throws UserError when they take too long, SyntaxError when one is no pattern */
export function firstMatch(patterns: readonly string[], text: string): number {
  const told = (pattern = "") => JSON.stringify(pattern.slice(0, 100));
  const hint = "Do not use this adapter, or merge it in Python (merge_and_unload).";
  const long = patterns.find(({ length }) => length > LONGEST);
  if (long !== undefined)
    throw new UserError(
      `the adapter's pattern ${told(long)} has ${long.length} letters; at most ${LONGEST} are read`,
      hint,
    );
  let at = 0;
  const find = () => {
    for (; at < patterns.length; at++) if (new RegExp(patterns[at] as string).test(text)) return at;
    return -1;
  };
  return withinTime(
    MOST_MS,
    find,
    () =>
      new UserError(
        `the adapter's pattern ${told(patterns[at])} takes more than ${MOST_MS} ms to be looked for in ${text.slice(0, 100)}`,
        hint,
      ),
  );
}
