/** A line as METEOR 1.5 takes it to pieces under `-norm` for English: a variant of Moses' tokenizer that parts compounds at
 *  their hyphens and writes U.S. as US. Steps are in its order, for each sees what those before it left. */
import { javaTrim, javaWords } from "./java-text.js";

/** Letters of western Europe and Cyrillic ones. */
const LETTER =
  "A-Za-z\u0160\u017d\u0161\u017e\u0178\xc0-\xd6\xd8-\xf6\xf8-\u017e\u0400-\u0527\ua640-\ua66e\ua67e-\ua697\u1d00-\u1d7f";
const BLANK = "\\t\\n\\x0b\\f\\r ";

const letter = `[${LETTER}]`;
const noLetter = `[^${LETTER}]`;
const every = (source: string): RegExp => new RegExp(source, "gu");

const sign = every(`([^0-9${LETTER}${BLANK}.'\`,\\-\u2018\u2019])`);
const hyphen = every(`([0-9${LETTER}.])-([0-9${LETTER}])`);
const spaces = /[ \u2000-\u200a\u202f\u205f\u3000\xa0]+/g;

/** Each with what stands in its place; the apostrophe goes to the right half: "it 's". */
const apostrophes: readonly (readonly [RegExp, string])[] = [
  [every(`(${noLetter})'(${noLetter})`), "$1 ' $2"],
  [every(`([^${LETTER}0-9])'(${letter})`), "$1 ' $2"],
  [every(`(${letter})'(${noLetter})`), "$1 ' $2"],
  [every(`(${letter})'(${letter})`), "$1 '$2"],
  [/([0-9])'(s)/g, "$1 '$2"],
];

/** When a full stop stays with its word: always, or before a number only. */
export type Abbreviations = ReadonlyMap<string, "always" | "before_number">;

/** @param abbreviations of METEOR's english.prefixes */
export function normalizeLine(text: string, abbreviations: Abbreviations): string {
  let line = ` ${text} `.replace(sign, " $1 ");
  line = hideDots(line);
  line = line
    .replace(/([^0-9]),([^0-9])/gu, "$1 , $2")
    .replace(/([0-9]),([^0-9])/gu, "$1 , $2")
    .replace(/([^0-9]),([0-9])/gu, "$1 , $2")
    .replace(/[`\u2018\u2019]/g, "'")
    .replace(/[\u201c\u201d]|''/g, ' " ')
    .replaceAll("\u2013", "-")
    .replaceAll("--", "-")
    .replace(hyphen, "$1 $2");
  for (const [pattern, instead] of apostrophes) line = line.replace(pattern, instead);
  const words = javaWords(line);
  line = words.map((word, i) => `${partStop(word, words[i + 1], abbreviations)} `).join("");
  return javaTrim(showDots(line).replace(spaces, " "));
}

/** Dots in a row become names, so that what looks for a full stop passes them by. */
function hideDots(text: string): string {
  let line = text.replace(/\.(\.+)/g, " DOTMULTI$1");
  while (line.includes("DOTMULTI.")) {
    line = line.replace(/DOTMULTI\.([^.])/gu, "DOTDOTMULTI $1").replaceAll("DOTMULTI.", "DOTDOTMULTI");
  }
  return line;
}

function showDots(text: string): string {
  let line = text;
  while (line.includes("DOTDOTMULTI")) line = line.replaceAll("DOTDOTMULTI", "DOTMULTI.");
  return line.replaceAll("DOTMULTI", ".");
}

const anyLetter = new RegExp(letter, "u");

function partStop(word: string, next: string | undefined, abbreviations: Abbreviations): string {
  if (word.length < 2 || !word.endsWith(".")) return word;
  const before = word.slice(0, -1);
  const kind = abbreviations.get(before);
  if (before.includes(".") && anyLetter.test(before)) return word.replaceAll(".", "");
  // Before a small letter no sentence ends.
  if (kind === "always" || (next !== undefined && /^[a-z]/.test(next))) return word;
  if (kind === "before_number" && next !== undefined && /^[0-9]/.test(next)) return word;
  return `${before} .`;
}

/** Lines of english.prefixes: comments, and words with or without #NUMERIC_ONLY#. */
export function parseAbbreviations(text: string): Abbreviations {
  const known = new Map<string, "always" | "before_number">();
  for (const line of text.split(/\r?\n/)) {
    const [word, kind] = javaWords(line);
    if (word === undefined || word.startsWith("#")) continue;
    known.set(word, kind === "#NUMERIC_ONLY#" ? "before_number" : "always");
  }
  return known;
}
