/** Texts as Python cuts them. */
import { stripPython } from "../../text/python-strip.js";

/** A blank for Python's split() and \s, as the inside of a class of a regular expression. */
export const PYTHON_SPACE =
  "\\t\\n\\v\\f\\r\\x1c-\\x1f \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
/** \w of Python, as the inside of a class: letters and numbers of all scripts. Combining marks are none. */
export const PYTHON_WORD = "\\p{L}\\p{N}_";

const spaces = new RegExp(`[${PYTHON_SPACE}]+`, "u");

/** text.split() */
export const splitPython = (text: string): string[] => stripPython(text).split(spaces).filter(Boolean);

/** text.strip(characters) */
export function stripCharacters(text: string, characters: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && characters.includes(text.charAt(start))) start++;
  while (end > start && characters.includes(text.charAt(end - 1))) end--;
  return text.slice(start, end);
}

/** len(text): code points, where JavaScript counts units of UTF-16. */
export function pythonLength(text: string): number {
  let length = 0;
  for (const _ of text) length++;
  return length;
}

/** string.punctuation: ASCII only. */
export const withoutPunctuation = (text: string): string => text.replace(/[!-/:-@[-`{-~]/g, "");
