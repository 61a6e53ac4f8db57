/** What a text says even where it is no language any more: drafts have holes, repetitions and mixed sentences, and what
 *  they claim about the picture is to be counted all the same.
 *
 *  The text is cut into phrases so that the sum of their squared lengths is largest: long phrases that make sense win
 *  over short ones, and words that belong to none are passed over. Whole sentences and clauses of the grammar, clauses
 *  without their agreements, a group with a place next to it (or with up to three idle words between), a group alone. */
import { forms } from "./grammar.js";
import { parsePlaced, type Said, sentencesAt } from "./parse-caption.js";
import { clauseAt, colorAt, type Found, groupAt, isNameWord, placeAt, type Statement } from "./phrases.js";
import { lowered } from "./words.js";

export interface Reading extends Said {
  grammatical: boolean;
}

const idleWords = 3;

export function readCaption(words: readonly string[]): Reading {
  const parsed = parsePlaced(words);
  if (parsed !== undefined) return { grammatical: true, ...parsed };
  return { grammatical: false, ...salvage(lowered(words)) };
}

interface Phrase extends Said {
  end: number;
  /** Words that make sense together. */
  weight: number;
}

function salvage(words: readonly string[]): Said {
  // best[i]: of the words from i on; where two ways are as good, the one whose first phrase reads on from left to right.
  const best: (Said & { score: number })[] = Array(words.length + 1);
  best[words.length] = { score: 0, statements: [], spans: [] };
  for (let i = words.length - 1; i >= 0; i--) {
    let winner = best[i + 1] as Said & { score: number };
    for (const { statements, spans, end, weight } of phrasesAt(words, i)) {
      const rest = best[end];
      if (rest === undefined) continue;
      const score = weight ** 2 + rest.score;
      if (score > winner.score)
        winner = { score, statements: [...statements, ...rest.statements], spans: [...spans, ...rest.spans] };
    }
    best[i] = winner;
  }
  const { statements, spans } = best[0] as Said;
  return { statements, spans };
}

function phrasesAt(words: readonly string[], start: number): Phrase[] {
  const phrases: Phrase[] = [];
  const add = (found: Found<Statement> | undefined, bonus = 0) => {
    if (found !== undefined)
      phrases.push({ ...only(found.value, start, found.end), weight: found.end - start + bonus });
  };
  for (const { value, end } of sentencesAt(words, start)) {
    phrases.push({ ...value, end, weight: end - start });
  }
  for (const form of forms) {
    add(clauseAt(words, start, form, true), 0.1);
    add(clauseAt(words, start, form, false));
  }
  phrases.push(...groupThenPlace(words, start), ...placeThenGroup(words, start));
  const alone = groupAt(words, start, false);
  if (alone !== undefined) {
    const { object, count, size } = alone.value;
    add({ value: { about: "object", name: object.name, count, size, position: undefined }, end: alone.end });
  }
  add(backgroundAt(words, start));
  return phrases;
}

function only(statement: Statement, start: number, end: number) {
  return { statements: [statement], spans: [{ start, end }], end };
}

function groupThenPlace(words: readonly string[], start: number): Phrase[] {
  const group = groupAt(words, start, false);
  const place = group && afterIdle(words, group.end, (next) => placeAt(words, next, false));
  if (group === undefined || place === undefined) return [];
  const { object, count, size } = group.value;
  const statement: Statement = { about: "object", name: object.name, count, size, position: place.value };
  return [{ ...only(statement, start, place.end), weight: place.end - start - place.idle + 0.05 }];
}

function placeThenGroup(words: readonly string[], start: number): Phrase[] {
  const place = placeAt(words, start, false);
  const group = place && afterIdle(words, place.end, (next) => groupAt(words, next, false));
  if (place === undefined || group === undefined) return [];
  const { object, count, size } = group.value;
  const statement: Statement = { about: "object", name: object.name, count, size, position: place.value };
  return [{ ...only(statement, start, group.end), weight: group.end - start - group.idle }];
}

/** Tries at `start`, then behind one idle word, and so on. Names, places, "and" and the end of a sentence are not idle. */
function afterIdle<T>(
  words: readonly string[],
  start: number,
  find: (next: number) => Found<T> | undefined,
): (Found<T> & { idle: number }) | undefined {
  for (let idle = 0; idle <= idleWords; idle++) {
    const found = find(start + idle);
    if (found !== undefined) return { ...found, idle };
    const word = words[start + idle];
    if (word === undefined || word === "." || word === "and" || isNameWord(word)) return undefined;
    if (placeAt(words, start + idle, false) !== undefined) return undefined;
  }
  return undefined;
}

/** "background is blue", "a blue background". */
function backgroundAt(words: readonly string[], start: number): Found<Statement> | undefined {
  if (words[start] === "background") {
    const color = colorAt(words, start + (words[start + 1] === "is" ? 2 : 1));
    return color && { value: { about: "background", color: color.value }, end: color.end };
  }
  const color = colorAt(words, start);
  if (color === undefined || words[color.end] !== "background") return undefined;
  return { value: { about: "background", color: color.value }, end: color.end + 1 };
}
