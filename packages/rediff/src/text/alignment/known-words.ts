/** A text for a model that was trained on some of its vocabulary only: with a byte-level tokenizer any word can be typed,
 *  but one that training never had is spelt in pieces that mean nothing to it.
 *
 *  Such words are left out of what the model sees, which is then a text like those that it knows; the characters stay as
 *  they are. Words beside them are not judged: a phrase that lacks a word is not wrong for that. A sentence that is mostly
 *  of such words is left out as a whole, and its neighbours are judged. */
import type { Tokenizer } from "../tokenizer.js";
import { type AlignedText, alignText, UNJUDGED } from "./aligned-text.js";
import { signsOf } from "./byte-level.js";
import type { Span } from "./normalized-text.js";

/** The first and the last id that training had; special tokens have none of them. */
export type KnownTokens = readonly [first: number, last: number];

/** A word or a sign, without the spaces around it; no id where the model does not know it. */
interface Word extends Span {
  id: number | undefined;
}

/** @returns what of the text the model knows. Where that is nothing, all tokens as they are, and all of them fixed */
export function alignKnown(tokenizer: Tokenizer, text: string, [first, last]: KnownTokens): AlignedText {
  const isKnown = (id: number) => id >= first && id <= last;
  const whole = alignText(tokenizer, text);
  const found: Word[] = wordSpans(text, whole).map((span) => ({
    ...span,
    id: idOfWord(tokenizer, text.slice(span.start, span.end), false, isKnown),
  }));
  const sentences = inSentences(text, found).map((words) => (isForeign(text, words) ? unknown(words) : words));
  const words = sentences.flat();
  const kept = words.filter(({ id }) => id !== undefined);
  const [opening] = kept;
  if (opening !== undefined)
    opening.id = idOfWord(tokenizer, text.slice(opening.start, opening.end), true, isKnown) ?? opening.id;
  const unread = wordsOf(words.filter(({ id }) => id === undefined)).map((span) => ({
    ...span,
    text: text.slice(span.start, span.end),
  }));
  if (kept.length === 0) {
    const all = [...whole.ids.keys()];
    return { ...whole, fixed: all, unjudged: all, unread };
  }
  const besides = new Set(sentences.flatMap(besideLeftOut));
  return {
    text,
    ids: kept.map(({ id }) => id as number),
    spans: kept.map(({ start, end }) => ({ start, end })),
    fixed: [],
    isTrimmed: true,
    unjudged: [...kept.keys()].filter((i) => besides.has(kept[i] as Word)),
    unread,
  };
}

const LETTER = /[\p{L}\p{N}\p{M}'-]/u;
const SENTENCE_END = /^[.!?\u3002\uff01\uff1f]$/;

/** Words and signs of the text, from the tokens: what a tokenizer cuts out by itself is joined again where it is a word. */
function wordSpans(text: string, { spans }: AlignedText): Span[] {
  const words: Span[] = [];
  for (const span of spans) {
    const own = text.slice(span.start, span.end);
    const start = span.start + own.length - own.trimStart().length;
    const end = span.start + own.trimEnd().length;
    const last = words.at(-1);
    // Layout, or bytes of a character whose last one has it.
    if (own.trim() === "") continue;
    const isWithin = last?.end === start && LETTER.test(before(text, start)) && LETTER.test(after(text, start));
    if (last !== undefined && (isWithin || start < last.end)) last.end = Math.max(last.end, end);
    else words.push({ start, end });
  }
  return words;
}

const before = (text: string, at: number): string => [...text.slice(Math.max(0, at - 2), at)].at(-1) ?? "";
const after = (text: string, at: number): string => String.fromCodePoint(text.codePointAt(at) ?? 0);

/** As captions spell it: with the space before it unless it is the first; in small letters where it is not known in its
 *  own. */
function idOfWord(
  tokenizer: Tokenizer,
  word: string,
  isFirst: boolean,
  isKnown: (id: number) => boolean,
): number | undefined {
  const spellings = [word, word.toLowerCase()].flatMap((spelling) =>
    isFirst ? [spelling, ` ${spelling}`] : [` ${spelling}`, spelling],
  );
  const { isByteLevel } = tokenizer.stages;
  return spellings
    .map((spelling) => tokenizer.tokenId(isByteLevel ? signsOf(spelling) : spelling))
    .find((id) => id !== undefined && isKnown(id));
}

/** Each up to its end, signs behind that included, or up to an empty line. */
function inSentences(text: string, words: readonly Word[]): Word[][] {
  const sentences: Word[][] = [[]];
  for (const [i, word] of words.entries()) {
    sentences.at(-1)?.push(word);
    const next = words[i + 1];
    if (next === undefined) break;
    const isEnd = SENTENCE_END.test(text.slice(word.start, word.end)) && LETTER.test(after(text, next.start));
    if (isEnd || /\n\s*\n/.test(text.slice(word.end, next.start))) sentences.push([]);
  }
  return sentences;
}

/** Half of its words or more are not known. */
function isForeign(text: string, words: readonly Word[]): boolean {
  const real = words.filter(({ start }) => LETTER.test(after(text, start)));
  return 2 * real.filter(({ id }) => id === undefined).length >= Math.max(1, real.length);
}

const unknown = (words: readonly Word[]): Word[] => words.map((word) => ({ ...word, id: undefined }));

/** Words of a sentence that stand beside one that is left out of it. */
function besideLeftOut(words: readonly Word[]): Word[] {
  const kept = words.filter(({ id }) => id !== undefined);
  let at = 0;
  const beside = new Set<number>();
  for (const { id } of words) {
    if (id !== undefined) at++;
    else for (let i = at - UNJUDGED; i < at + UNJUDGED; i++) beside.add(i);
  }
  return kept.filter((_, i) => beside.has(i));
}

/** Those that touch each other as one. */
function wordsOf(words: readonly Span[]): Span[] {
  const result: Span[] = [];
  for (const { start, end } of words) {
    const last = result.at(-1);
    if (last !== undefined && last.end === start) last.end = end;
    else result.push({ start, end });
  }
  return result;
}
