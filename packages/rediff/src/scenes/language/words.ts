/** Text to words and back, by the rule of the world's tokenizer: a word of the world is one token, with the space before it.
 *
 *  A run of letters and digits, a newline, a special token, or any other sign by itself, in the case that was typed.
 *  When words are joined again, only . , ? and ! stand close to the word before them. */

const wordPattern = "\\n|[\\p{L}\\p{N}'-]+|[^\\s\\p{L}\\p{N}]";
const splitter = new RegExp(`<[|a-z_]+>|${wordPattern}`, "gu");

export function splitWords(text: string): string[] {
  return text.match(splitter) ?? [];
}

export function joinWords(words: readonly string[]): string {
  return words.map((word, i) => (i === 0 || standsClose(word) ? word : ` ${word}`)).join("");
}

/** As words are compared, whatever their case. */
export const lowered = (words: readonly string[]): string[] => words.map((word) => word.toLowerCase());

/** "there" to "There", the first word of a sentence. */
export const capital = (word: string): string => word.slice(0, 1).toUpperCase() + word.slice(1);

/** Whether capitals stand where a sentence begins, and nowhere else: from `start` up to `end`. */
export function wellCased(words: readonly string[], start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const word = words[i] ?? "";
    const lower = word.toLowerCase();
    if (word !== (i === 0 || words[i - 1] === "." ? capital(lower) : lower)) return false;
  }
  return true;
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
