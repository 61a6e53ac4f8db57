/** Byte-level byte-pair encoding (arXiv 1508.07909): any text can be written, and every word that it was trained on
 *  is one token.
 *
 *  Training joins the pair of pieces that occurs most often, in words only, until every word is whole. Of equally frequent
 *  pairs the first in order of their spelling: the same words always give the same merges. */

export interface BytePairs {
  /** In order: the first that fits is joined first. */
  merges: (readonly [string, string])[];
}

/** GPT-2's spelling of bytes in printable characters, as every byte-level tokenizer writes them. */
const spelling: readonly string[] = (() => {
  const printable = (byte: number) =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(printable(byte) ? byte : next++));
})();

/** All single bytes. */
export const byteTokens: readonly string[] = spelling;

/** A text as byte-level tokenizers spell it: a space is "\u0120". */
export function spelt(text: string): string {
  return [...new TextEncoder().encode(text)].map((byte) => spelling[byte] ?? "").join("");
}

/** @param words spelt, with the space before them where they have one; each counts once */
export function trainBytePairs(words: readonly string[]): BytePairs {
  const split = [...new Set(words)].map((word) => [...word]);
  const merges: (readonly [string, string])[] = [];
  for (;;) {
    const best = mostFrequent(split);
    if (best === undefined) return { merges };
    merges.push(best);
    for (const pieces of split) join(pieces, best);
  }
}

function mostFrequent(split: readonly (readonly string[])[]): readonly [string, string] | undefined {
  const counts = new Map<string, { pair: readonly [string, string]; count: number }>();
  for (const pieces of split) {
    for (let i = 1; i < pieces.length; i++) {
      const pair = [pieces[i - 1] ?? "", pieces[i] ?? ""] as const;
      const key = pair.join(" ");
      const known = counts.get(key);
      if (known === undefined) counts.set(key, { pair, count: 1 });
      else known.count++;
    }
  }
  let best: { key: string; pair: readonly [string, string]; count: number } | undefined;
  for (const [key, { pair, count }] of counts)
    if (best === undefined || count > best.count || (count === best.count && key < best.key))
      best = { key, pair, count };
  return best?.pair;
}

/** In place. */
function join(pieces: string[], [first, second]: readonly [string, string]): void {
  for (let i = 0; i + 1 < pieces.length; i++)
    if (pieces[i] === first && pieces[i + 1] === second) pieces.splice(i, 2, first + second);
}
