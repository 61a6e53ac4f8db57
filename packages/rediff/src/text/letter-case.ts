/** The case of a word that was typed, for another in its place. */
import type { Span } from "./alignment/normalized-text.js";

/** @param vocabulary how the vocabulary spells the word of the text: only where it has lost the case is there one to
 *  take over
 *  @returns what gives another word its case */
export function caseOf(text: string, { start, end }: Span, vocabulary: string): (word: string) => string {
  const typed = text.slice(start, end);
  const same = (word: string) => word;
  if (typed === vocabulary || typed.toLowerCase() !== vocabulary.toLowerCase()) return same;
  if (isLoud(typed) || (isCapital(typed) && isLoud(neighbour(text, end)))) return (word) => word.toUpperCase();
  return /^\P{L}*\p{Lu}/u.test(typed) ? capitalized : same;
}

const letters = (text: string): string => text.replace(/\P{L}/gu, "");

/** Two capitals or more, and nothing small. */
const isLoud = (word: string): boolean =>
  letters(word).length > 1 && word !== word.toLowerCase() && word === word.toUpperCase();

/** "A" may be an ordinary word's beginning or a loud word. */
const isCapital = (word: string): boolean => letters(word).length === 1 && word !== word.toLowerCase();

const neighbour = (text: string, at: number): string => /^\s+(\p{L}+)/u.exec(text.slice(at, at + 64))?.[1] ?? "";

const capitalized = (word: string): string => word.replace(/\p{L}/u, (letter) => letter.toUpperCase());
