/** JSON that came with a model or a data set: a parser makes an object for each of a million brackets. */
import { tooDeepAt } from "@rediff/torch";

/** Deeper than anything that models come with. */
const MOST_DEPTH = 100;

/** @throws SyntaxError as JSON.parse does, in one plain line, and for brackets that are nested too deep */
export function parseShallowJson(text: string): unknown {
  const deep = tooDeepAt(text, MOST_DEPTH);
  if (deep >= 0) throw new SyntaxError(`brackets are nested more than ${MOST_DEPTH} deep at character ${deep}`);
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    // V8 quotes a part of the text, with its tabs and line ends.
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new SyntaxError(why.replace(/[\s\p{Cc}]+/gu, " "), { cause });
  }
}
