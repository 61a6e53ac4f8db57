/** Phrases of the grammar found in a row of words: what the strict parser and the tolerant reader have in common. */
import { at, columns, type Position, type Relation, relations, rows, type Size, sizes } from "../world/facts.js";
import { article, type ObjectName, objectNames } from "../world/object-names.js";
import { backgroundColors } from "../world/world.js";
import { type Form, relationPhrases, verb } from "./grammar.js";

/** What a clause says. A strict clause knows all but the size; a fragment may know less. */
export type Statement =
  | {
      about: "object";
      name: string;
      count: number | undefined;
      size: Size | undefined;
      position: Position | undefined;
    }
  | { about: "background"; color: string }
  | {
      about: "relation";
      /** Whether a name was said of several. */
      name: string;
      plural: boolean;
      relation: Relation;
      other: string;
      otherPlural: boolean;
    };

/** Words from `start` up to `end`, which is not one of them. */
export interface WordSpan {
  start: number;
  end: number;
}

/** Something found, and the index of the word behind it. */
export interface Found<T> {
  value: T;
  end: number;
}

const byWords = new Map<string, { object: ObjectName; plural: boolean }>();
for (const object of objectNames) {
  byWords.set(object.name, { object, plural: false });
  byWords.set(object.plural, { object, plural: true });
}

const nameWords: ReadonlySet<string> = new Set([...byWords.keys()].flatMap((name) => name.split(" ")));

/** The longer name first: "hot dog" is no dog. */
export function nameAt(
  words: readonly string[],
  start: number,
): Found<{ object: ObjectName; plural: boolean }> | undefined {
  for (const length of [2, 1]) {
    if (start + length > words.length) continue;
    const value = byWords.get(words.slice(start, start + length).join(" "));
    if (value !== undefined) return { value, end: start + length };
  }
  return undefined;
}

export const isNameWord = (word: string): boolean => nameWords.has(word);

interface GroupPhrase {
  object: ObjectName;
  count: number | undefined;
  size: Size | undefined;
}

const counts: Readonly<Record<string, number>> = { a: 1, an: 1, one: 1, two: 2, three: 3, four: 4 };

/** @param strict asks for a determiner that agrees with the word behind it and with the noun's number */
export function groupAt(words: readonly string[], start: number, strict: boolean): Found<GroupPhrase> | undefined {
  const determiner = words[start] ?? "";
  const count = Object.hasOwn(counts, determiner) ? counts[determiner] : undefined;
  let next = count === undefined ? start : start + 1;
  const size = sizes.find((word) => word === words[next]);
  if (size !== undefined) next++;
  const name = nameAt(words, next);
  if (name === undefined) return undefined;
  const { object, plural } = name.value;
  if (strict) {
    if (count === undefined || plural !== count > 1 || (size !== undefined && count > 1)) return undefined;
    const wanted = article(words[start + 1] ?? "");
    if ((determiner === "a" || determiner === "an") && determiner !== wanted) return undefined;
  }
  return { value: { object, count: count ?? (plural ? undefined : 1), size }, end: name.end };
}

/** @param strict asks for preposition and article, and has the word "corner" only at corners */
export function placeAt(
  words: readonly string[],
  start: number,
  strict: boolean,
): Found<Position | undefined> | undefined {
  let next = start;
  if (words[next] === "at" || words[next] === "in") next++;
  else if (strict) return undefined;
  if (words[next] === "the") next++;
  else if (strict) return undefined;
  const row = rows.find((word) => word === words[next]);
  if (row !== undefined) next++;
  const column = columns.find((word) => word === words[next]);
  if (column !== undefined) next++;
  if (row === undefined && column === undefined) return undefined;
  const position = row === undefined || column === undefined ? undefined : at(row, column);
  if (position === undefined && strict) return undefined;
  if (words[next] === "corner" && (!strict || (row !== "middle" && column !== "center"))) next++;
  return { value: position, end: next };
}

export function colorAt(words: readonly string[], start: number): Found<string> | undefined {
  const color = backgroundColors.find((word) => word === words[start]);
  return color === undefined ? undefined : { value: color, end: start + 1 };
}

const relationWords = relations.flatMap((relation) => relationPhrases(relation).map((words) => ({ relation, words })));

export function relationAt(words: readonly string[], start: number): Found<Relation> | undefined {
  const found = relationWords.find(({ words: own }) => own.every((word, i) => words[start + i] === word));
  return found && { value: found.relation, end: start + found.words.length };
}

/** A group that is spoken of again. */
function definiteAt(words: readonly string[], start: number, strict: boolean) {
  const isDefinite = words[start] === "the";
  if (strict && !isDefinite) return undefined;
  return nameAt(words, isDefinite ? start + 1 : start);
}

/** A whole clause. @param strict asks for every agreement; otherwise the clause's own words are enough */
export function clauseAt(
  words: readonly string[],
  start: number,
  form: Form,
  strict: boolean,
): Found<Statement> | undefined {
  let next = start;
  let group: GroupPhrase | undefined;
  let position: Position | undefined;
  let color: string | undefined;
  let be: string | undefined;
  let [first, second]: ReturnType<typeof nameAt>[] = [];
  let relation: Relation | undefined;
  for (const slot of form.slots) {
    const word = words[next] ?? "";
    if (typeof slot !== "string") {
      if (!slot.includes(word)) return undefined;
      next++;
    } else if (slot === "BE") {
      if (word !== "is" && word !== "are") return undefined;
      be = word;
      next++;
    } else if (slot === "NP") {
      const found = groupAt(words, next, strict);
      if (found === undefined) return undefined;
      group = found.value;
      next = found.end;
    } else if (slot === "THE" || slot === "OTHER") {
      const found = definiteAt(words, next, strict);
      if (found === undefined) return undefined;
      if (slot === "THE") first = found;
      else second = found;
      next = found.end;
    } else if (slot === "REL") {
      const found = relationAt(words, next);
      if (found === undefined) return undefined;
      relation = found.value;
      next = found.end;
    } else if (slot === "PP") {
      const found = placeAt(words, next, strict);
      if (found === undefined) return undefined;
      position = found.value;
      next = found.end;
    } else {
      const isArticle = word === "a" || word === "an";
      if (slot === "A_COLOR" && isArticle && strict && article(words[next + 1] ?? "") !== word) return undefined;
      if (slot === "A_COLOR" && !isArticle && strict) return undefined;
      const found = colorAt(words, slot === "A_COLOR" && isArticle ? next + 1 : next);
      if (found === undefined) return undefined;
      color = found.value;
      next = found.end;
    }
  }
  if (color !== undefined) return { value: { about: "background", color }, end: next };
  if (first !== undefined && second !== undefined && relation !== undefined) {
    const [one, other] = [first.value, second.value];
    if (strict && (be === "are") !== one.plural) return undefined;
    const names = { name: one.object.name, plural: one.plural, other: other.object.name, otherPlural: other.plural };
    return { value: { about: "relation", relation, ...names }, end: next };
  }
  if (group === undefined) return undefined;
  if (strict && be !== undefined && be !== verb(group.count ?? 1)) return undefined;
  const { object, count, size } = group;
  return { value: { about: "object", name: object.name, count, size, position }, end: next };
}
