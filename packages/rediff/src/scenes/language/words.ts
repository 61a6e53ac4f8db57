/** Text to words and back, by the rule of the world's tokenizer: one word is one token, wherever it stands.
 *
 *  Lower case; a run of letters and digits, a newline, a special token, or any other sign by itself. Spaces between
 *  words mean nothing; when words are joined again, only . , ? and ! stand close to the word before them. */

/** For the tokenizer's Split (Oniguruma) and for JavaScript (with the flag u) alike. */
export const wordPattern = "\\n|[\\p{L}\\p{N}'-]+|[^\\s\\p{L}\\p{N}]";
const splitter = new RegExp(`<[|a-z_]+>|${wordPattern}`, "gu");

export function splitWords(text: string): string[] {
  return text.toLowerCase().match(splitter) ?? [];
}

export function joinWords(words: readonly string[]): string {
  return words.map((word, i) => (i === 0 || standsClose(word) ? word : ` ${word}`)).join("");
}

/** A word as it is compared, and where it stands in the text: UTF-16 units. */
export interface PlacedWord {
  word: string;
  start: number;
  end: number;
}

export function placedWords(text: string): PlacedWord[] {
  return [...text.matchAll(splitter)].map(({ 0: word, index }) => ({
    word: word.toLowerCase(),
    start: index,
    end: index + word.length,
  }));
}

/** Without a space before it. */
export function standsClose(word: string): boolean {
  return /^[.,?!]$/.test(word);
}
