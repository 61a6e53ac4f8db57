/** Tokens that are no text: those that the models' format needs, and all that the tokenizer calls special. */
import type { Tokenizer } from "./tokenizer.js";

const known = new WeakMap<Tokenizer, ReadonlySet<number>>();

/** Looks through the vocabulary, once. */
export function specialIds(tokenizer: Tokenizer): ReadonlySet<number> {
  const found = known.get(tokenizer);
  if (found !== undefined) return found;
  const ids = new Set(Object.values(tokenizer.special));
  for (let id = 0; id <= tokenizer.largest.id; id++) if (tokenizer.isSpecial(id)) ids.add(id);
  known.set(tokenizer, ids);
  return ids;
}
