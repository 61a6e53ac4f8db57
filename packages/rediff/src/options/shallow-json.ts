/** JSON that came with a model or a data set: a parser makes an object for each of a million brackets. */
import { tooDeepAt } from "@rediff/torch";

/** Deeper than anything that models come with. */
const MOST_DEPTH = 100;

/** @throws SyntaxError as JSON.parse does, and for brackets that are nested too deep */
export function parseShallowJson(text: string): unknown {
  const deep = tooDeepAt(text, MOST_DEPTH);
  if (deep >= 0) throw new SyntaxError(`brackets are nested more than ${MOST_DEPTH} deep at character ${deep}`);
  return JSON.parse(text) as unknown;
}
