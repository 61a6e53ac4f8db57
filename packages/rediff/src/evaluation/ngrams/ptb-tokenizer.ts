/** Tokens of English captions as the COCO caption evaluation makes them, which is Stanford's tokenizer for the Penn Treebank
 *  with small letters and without punctuation. N-gram metrics of other tokens are other numbers.
 *
 *  Rules are tried at each place, and the longest match counts, of equally long ones the first. */
import { ptbRules } from "./ptb-rules.js";

/** What is dropped afterwards. Brackets stay: they have become "-lrb-", which is not in the list, where capitals are. */
const punctuation = new Set(["''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";"]);

/** Tokens with blanks between. */
export function ptbTokens(caption: string): string {
  return tokens(caption.replaceAll("\n", " "))
    .map((token) => token.toLowerCase())
    .filter((token) => !punctuation.has(token))
    .join(" ");
}

function tokens(text: string): string[] {
  const found: string[] = [];
  let at = 0;
  while (at < text.length) {
    let length = 0;
    let parts: readonly string[] = [];
    for (const { pattern, tokens: write = (match: string) => [match] } of ptbRules) {
      pattern.lastIndex = at;
      const match = pattern.exec(text)?.[0] ?? "";
      if (match.length <= length) continue;
      length = match.length;
      parts = write(match);
    }
    found.push(...parts);
    // What no rule knows, emoji among it, is left out.
    at += length > 0 ? length : String.fromCodePoint(text.codePointAt(at) ?? 0).length;
  }
  return found;
}
