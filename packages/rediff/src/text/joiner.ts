/** What decoding sets between two tokens. */
import type { Tokenizer } from "./tokenizer.js";

/** White space between two tokens that belongs to neither: vocabularies of words join them with spaces, byte-level ones
 *  with nothing. "" at the ends of a text. */
export function joiner(
  tokenizer: Pick<Tokenizer, "decode">,
  left: number | undefined,
  right: number | undefined,
): string {
  if (left === undefined || right === undefined) return "";
  const [before, after] = [tokenizer.decode([left]), tokenizer.decode([right])];
  const both = tokenizer.decode([left, right]);
  const isJoined = both.startsWith(before) && both.endsWith(after) && both.length > before.length + after.length;
  const between = isJoined ? both.slice(before.length, both.length - after.length) : "";
  return between.trim() === "" ? between : "";
}
