/** Which words of a text about a scene are facts: the blanks of a form to fill in. */
import { numberWords } from "../world/facts.js";
import { backgroundColors } from "../world/world.js";
import { groupAt, nameAt, placeAt, relationAt, type WordSpan } from "./phrases.js";
import { placedWords } from "./words.js";

export const blankKinds = ["names", "positions", "numbers", "colors", "relations", "related", "text"] as const;
export type BlankKind = (typeof blankKinds)[number];

/** Characters [start, end) of every word of a kind. "names" are the words of objects' names, "numbers" what stands before
 *  them with its size, "positions" the words of places, "colors" those of backgrounds, "relations" those of where one
 *  thing is seen from another, "related" those and the names of both; "text" is all of it, which leaves its length to be
 *  seen. */
export function findBlanks(text: string, kind: BlankKind): [start: number, end: number][] {
  if (kind === "text") return text === "" ? [] : [[0, text.length]];
  const placed = placedWords(text);
  const words = placed.map(({ word }) => word);
  const chosen = words.map(() => false);
  const mark = (from: number, to: number) => chosen.fill(true, from, to);
  let i = 0;
  let lastName: WordSpan = { start: 0, end: 0 };
  while (i < words.length) {
    const group = groupAt(words, i, false);
    const relation = relationAt(words, i);
    const place = relation === undefined ? placeAt(words, i, false) : undefined;
    if (group !== undefined) {
      const name = nameStart(words, i);
      if (kind === "names") mark(name, group.end);
      if (kind === "numbers") mark(i, name);
      lastName = { start: name, end: group.end };
      i = group.end;
    } else if (relation !== undefined) {
      if (kind === "relations" || kind === "related")
        for (let j = i; j < relation.end; j++) chosen[j] = !helpers.has(words[j] ?? "");
      if (kind === "related") {
        mark(lastName.start, lastName.end);
        const next = relation.end + (words[relation.end] === "the" ? 1 : 0);
        mark(next, nameAt(words, next)?.end ?? next);
      }
      i = relation.end;
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
  return placed.flatMap(({ start, end }, j): [number, number][] => (chosen[j] ? [[start, end]] : []));
}

function nameStart(words: readonly string[], from: number): number {
  let at = from;
  while (nameAt(words, at) === undefined) at++;
  return at;
}

/** Words of a relation that state nothing. */
export const helpers: ReadonlySet<string> = new Set(["the", "is", "are", "of", "to"]);

const isPlaceWord = (word: string) => !["at", "in", "the", "corner"].includes(word);
