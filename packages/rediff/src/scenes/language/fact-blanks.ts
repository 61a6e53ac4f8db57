/** Which words of a text about a scene are facts: the blanks of a form to fill in. */
import { numberWords } from "../world/facts.js";
import { backgroundColors } from "../world/world.js";
import { groupAt, nameAt, placeAt } from "./phrases.js";
import { splitWords } from "./words.js";

export const blankKinds = ["names", "positions", "numbers", "colors", "text"] as const;
export type BlankKind = (typeof blankKinds)[number];

/** Characters [start, end) of every word of a kind. "names" are the words of objects' names, "numbers" what stands before
 *  them with its size, "positions" the words of places, "colors" those of backgrounds; "text" is all of it, which leaves
 *  its length to be seen. */
export function findBlanks(text: string, kind: BlankKind): [start: number, end: number][] {
  if (kind === "text") return text === "" ? [] : [[0, text.length]];
  const words = splitWords(text);
  const starts: number[] = [];
  let at = 0;
  for (const word of words) {
    const start = text.toLowerCase().indexOf(word, at);
    starts.push(start);
    at = start + word.length;
  }
  const chosen = words.map(() => false);
  const mark = (from: number, to: number) => chosen.fill(true, from, to);
  let i = 0;
  while (i < words.length) {
    const group = groupAt(words, i, false);
    const place = placeAt(words, i, false);
    if (group !== undefined) {
      const name = nameStart(words, i);
      if (kind === "names") mark(name, group.end);
      if (kind === "numbers") mark(i, name);
      i = group.end;
    } else if (place !== undefined) {
      if (kind === "positions") for (let j = i; j < place.end; j++) chosen[j] = isPlaceWord(words[j] ?? "");
      i = place.end;
    } else {
      const word = words[i] ?? "";
      if (kind === "names" && word === "nothing") mark(i, i + 1);
      if (kind === "numbers" && numberWords.some((number) => number === word)) mark(i, i + 1);
      if (kind === "colors" && backgroundColors.some((color) => color === word)) mark(i, i + 1);
      i++;
    }
  }
  return words.flatMap((word, j): [number, number][] => {
    const start = starts[j] ?? 0;
    return chosen[j] ? [[start, start + word.length]] : [];
  });
}

function nameStart(words: readonly string[], from: number): number {
  let at = from;
  while (nameAt(words, at) === undefined) at++;
  return at;
}

const isPlaceWord = (word: string) => !["at", "in", "the", "corner"].includes(word);
