/** MMMU's way to a letter: brackets, then a letter before a blank, then one before a full stop, then an option's text.
 *
 *  The letter may be the end of a word: "DOG" has a D and an O and a G before nothing, but a G before a blank. */
import { splitPython, stripCharacters } from "../python/python-text.js";

/** @param options by letter
 *  @returns undefined where the original draws a letter */
export function cascadeLetter(
  answer: string,
  letters: readonly string[],
  options: readonly string[],
): string | undefined {
  let text = answer;
  // Each sign once, in this order: "A.," loses its full stop, "A,." keeps its comma.
  for (const sign of ",.!?;:'") text = stripCharacters(text, sign);
  text = ` ${text} `;
  const having = (mark: (letter: string) => string) => letters.filter((letter) => text.includes(mark(letter)));

  const bracketed = having((letter) => `(${letter})`);
  if (bracketed.length > 0) return lastOf(bracketed, (letter) => text.lastIndexOf(`(${letter})`));
  const spaced = having((letter) => `${letter} `);
  const dotted = spaced.length > 0 ? spaced : having((letter) => `${letter}.`);
  if (dotted.length > 0) return lastOf(dotted, (letter) => text.lastIndexOf(` ${letter} `));
  if (splitPython(text).length <= 5) return undefined;
  const lower = text.toLowerCase();
  const textOf = (letter: string) => (options[letters.indexOf(letter)] ?? "").toLowerCase();
  const named = letters.filter((letter) => lower.includes(textOf(letter)));
  return lastOf(named, (letter) => lower.lastIndexOf(textOf(letter)));
}

/** The first of those furthest right; what is nowhere is at -1. */
function lastOf(letters: readonly string[], placeOf: (letter: string) => number): string | undefined {
  if (letters.length < 2) return letters[0];
  const places = letters.map(placeOf);
  return letters[places.indexOf(Math.max(...places))];
}
