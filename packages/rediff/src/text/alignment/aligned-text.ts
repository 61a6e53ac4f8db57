/** A text as a model reads it: its tokens, the characters that each stands for, and what it cannot read.
 *
 *  Unread is what has no token: words outside the vocabulary, an emoji, a special token's spelling. One stand-in holds the
 *  place of each such stretch on the canvas, fixed, so that words on both sides keep their distance; the characters stay as
 *  they are. */
import type { Tokenizer } from "../tokenizer.js";
import type { Span } from "./normalized-text.js";
import { type TokenSpan, tokenSpans } from "./token-spans.js";

/** UTF-16 units [start, end) of a text that a model cannot read. */
export interface UnreadText extends Span {
  text: string;
}

export interface AlignedText {
  readonly text: string;
  readonly ids: readonly number[];
  /** Of each token. */
  readonly spans: readonly Span[];
  /** Positions of stand-ins. */
  readonly fixed: readonly number[];
  /** Positions that are not judged: stand-ins, and words beside what cannot be read. What a model would rather have there
   *  follows from a word that nobody wrote. */
  readonly unjudged: readonly number[];
  readonly unread: readonly UnreadText[];
  /** Spans are without the spaces that their tokens have. */
  readonly isTrimmed?: true;
}

export interface AlignOptions {
  /** Leave out tokens of nothing but white space, where decoding sets the spaces: they are layout, not text. */
  words?: boolean;
}

/** So many words on each side of one that cannot be read are not judged. */
export const UNJUDGED = 2;

export function alignText(tokenizer: Tokenizer, text: string, { words = false }: AlignOptions = {}): AlignedText {
  const isLayout = (span: Span) => words && !hasSpaces(tokenizer) && text.slice(span.start, span.end).trim() === "";
  const parts = readable(text, tokenSpans(tokenizer, text)).filter((part) => part.id === undefined || !isLayout(part));
  const standIn = standInOf(tokenizer);
  const unread = joined([...parts.filter(({ id }) => id === undefined), ...dropped(text, parts)]);
  const fixed = [...parts.keys()].filter((i) => parts[i]?.id === undefined);
  const isBeside = (i: number) => fixed.some((position) => Math.abs(position - i) <= UNJUDGED);
  return {
    text,
    ids: parts.map(({ id }) => id ?? standIn),
    spans: parts.map(({ start, end }) => ({ start, end })),
    fixed,
    unjudged: fixed.length === 0 ? [] : [...parts.keys()].filter(isBeside),
    unread: unread.map(({ start, end }) => ({ start, end, text: text.slice(start, end) })),
  };
}

/** What of a text a model cannot read. */
export const unreadOf = (tokenizer: Tokenizer, text: string): readonly UnreadText[] =>
  alignText(tokenizer, text).unread;

/** On the canvas for what cannot be read. */
export function standInOf({ unknown, special }: Tokenizer): number {
  return unknown ?? special.pad;
}

/** Whether spaces are tokens, or parts of some. */
export const hasSpaces = (tokenizer: Tokenizer): boolean => tokenizer.encodeText(" ").length > 0;

const INVISIBLE = /^[\s\p{Cc}\p{Cf}\p{Z}\p{Variation_Selector}]*$/u;
const VISIBLE = /[^\s\p{Cc}\p{Cf}\p{Z}\p{Variation_Selector}]+/gu;
/** Does not part two words. */
const JOINER = /^[\p{Cf}\p{Variation_Selector}]*$/u;
/** Combines with the character before it. */
const COMBINES = /^\p{M}/u;

/** Unknown tokens that touch each other are one, and take with them the word that they change; one of nothing to be seen
 *  is none. */
function readable(text: string, spans: readonly TokenSpan[]): TokenSpan[] {
  const parts: TokenSpan[] = [];
  for (const span of spans) {
    const own = text.slice(span.start, span.end);
    if (span.id === undefined && INVISIBLE.test(own)) continue;
    const last = parts.at(-1);
    const isTouching = last !== undefined && JOINER.test(text.slice(last.end, span.start));
    if (span.id === undefined && isTouching && (last.id === undefined || COMBINES.test(own))) {
      last.id = undefined;
      last.end = span.end;
    } else parts.push({ ...span });
  }
  return parts;
}

/** Characters that no token stands for. */
function dropped(text: string, parts: readonly Span[]): Span[] {
  const ends = [0, ...parts.map(({ end }) => end)];
  const starts = [...parts.map(({ start }) => start), text.length];
  return ends.flatMap((from, i) =>
    Array.from(text.slice(from, starts[i]).matchAll(VISIBLE), ({ 0: part, index }) => ({
      start: from + index,
      end: from + index + part.length,
    })),
  );
}

/** In order, those that touch each other as one. */
function joined(spans: readonly Span[]): Span[] {
  const result: Span[] = [];
  for (const { start, end } of [...spans].sort((a, b) => a.start - b.start)) {
    const last = result.at(-1);
    if (last !== undefined && last.end === start) last.end = end;
    else result.push({ start, end });
  }
  return result;
}
