/** Which words of a caption are right and which are wrong: what score.ts counts, word by word, for people who read it.
 *
 *  Only words that state a fact have a verdict: names, numbers, sizes, places and colours. A name that is not there, or a
 *  second time, is wrong, and what is said about it has no verdict. */
import { helpers } from "../language/fact-blanks.js";
import { nounPhrase } from "../language/grammar.js";
import { sentencesAt } from "../language/parse-caption.js";
import { nameAt, type Statement, type WordSpan } from "../language/phrases.js";
import { readCaption } from "../language/tolerant-reader.js";
import { lowered, type PlacedWord, placedWords, splitWords, wellCased } from "../language/words.js";
import { columns, type Facts, type Group, numberWords, rows, sizes } from "../world/facts.js";
import { findName } from "../world/object-names.js";
import { bestMention, isTrueRelation, type Mention } from "./score.js";

export interface JudgedWord extends PlacedWord {
  /** Absent where the word states nothing. */
  right?: boolean;
}

export interface Judgement {
  words: JudgedWord[];
  /** Sentences that are none, as the grammar of captions has it: spans of the text. */
  broken: { start: number; end: number }[];
  /** What the picture has and the caption does not say. */
  missing: string[];
  /** No wrong word, no broken sentence, nothing missing. As `scoreCaption` has it. */
  exact: boolean;
}

export function judgeWords(text: string, facts: Facts): Judgement {
  const placed = placedWords(text);
  const words = placed.map(({ word }) => word);
  const typed = splitWords(text);
  const { statements, spans } = readCaption(typed);
  const right = new Map<number, boolean>();
  const mentions = statements.filter((said) => said.about === "object");
  const chosen = new Map(facts.objects.map((group) => [bestMention(group, mentions), group]));
  let backgroundSaid = false;
  let relationSaid = false;
  for (const [i, said] of statements.entries()) {
    const span = spans[i] as WordSpan;
    if (said.about === "object") judgeMention(words, span, said, chosen.get(said), right);
    else if (said.about === "relation") {
      // One fact: a relation is of two groups, and all of its words are right or wrong together.
      const isRight = isTrueRelation(said, facts) && !relationSaid;
      relationSaid = true;
      for (let i = span.start; i < span.end; i++) if (!helpers.has(words[i] ?? "")) right.set(i, isRight);
    } else {
      right.set(colorIndex(words, span, said), said.color === facts.background && !backgroundSaid);
      backgroundSaid = true;
    }
  }
  const broken = brokenSentences(typed).map(({ start, end }) => ({
    start: placed[start]?.start ?? 0,
    end: placed[end - 1]?.end ?? 0,
  }));
  const named = new Set(mentions.map(({ name }) => name));
  const missing = facts.objects.filter(({ name }) => !named.has(name)).map(phraseOf);
  if (!backgroundSaid) missing.push(`the ${facts.background} background`);
  const exact = broken.length === 0 && missing.length === 0 && [...right.values()].every((value) => value);
  const judged = placed.map((word, i) => {
    const verdict = right.get(i);
    return verdict === undefined ? word : { ...word, right: verdict };
  });
  return { words: judged, broken, missing, exact };
}

const numbers: ReadonlySet<string> = new Set(["a", "an", ...numberWords]);
const isSize = (word: string): boolean => sizes.some((size) => size === word);

/** @param group what is spoken of; undefined of what is not there or was named before */
function judgeMention(
  words: readonly string[],
  { start, end }: WordSpan,
  said: Mention,
  group: Group | undefined,
  right: Map<number, boolean>,
): void {
  let first = start;
  while (first < end && nameAt(words, first)?.value.object.name !== said.name) first++;
  const behind = nameAt(words, first)?.end ?? first;
  for (let i = first; i < behind; i++) right.set(i, group !== undefined);
  if (group === undefined) return;
  const withSize = first - 1 >= start && isSize(words[first - 1] ?? "");
  if (withSize) right.set(first - 1, said.size === group.size);
  const number = first - (withSize ? 2 : 1);
  if (number >= start && numbers.has(words[number] ?? "")) right.set(number, said.count === group.count);
  const [row = "", column = ""] = group.position.split(" ");
  for (let i = start; i < end; i++) {
    if (i >= first && i < behind) continue;
    const word = words[i] ?? "";
    if (rows.some((name) => name === word)) right.set(i, word === row);
    else if (columns.some((name) => name === word)) right.set(i, word === column);
  }
}

function colorIndex(words: readonly string[], { start, end }: WordSpan, said: Statement & { about: "background" }) {
  const index = words.indexOf(said.color, start);
  return index >= 0 && index < end ? index : start;
}

/** Spans of words between full stops that the grammar cannot read. */
function brokenSentences(typed: readonly string[]): WordSpan[] {
  const words = lowered(typed);
  const broken: WordSpan[] = [];
  for (let start = 0; start < words.length; ) {
    const stop = words.indexOf(".", start);
    const end = stop < 0 ? words.length : stop + 1;
    const isSentence = wellCased(typed, start, end) && sentencesAt(words, start).some((found) => found.end === end);
    if (!isSentence) broken.push({ start, end });
    start = end;
  }
  return broken;
}

/** "two red apples at the bottom left" */
function phraseOf({ name, count, size, position }: Group): string {
  const object = findName(name);
  if (object === undefined) throw new Error(`"${name}" is no name of the scene world`);
  return `${nounPhrase({ object, count, size }).join(" ")} at the ${position}`;
}
