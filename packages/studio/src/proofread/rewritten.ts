/** Sentences of a draft of which hardly a word is left. */
import { applyEdits, type Edit } from "./edits.js";

export interface RewrittenSentence {
  from: string;
  to: string;
  words: number;
  /** Words that edits replace or take out. */
  changed: number;
  /** Of its least sure edit, 0 to 1. */
  confidence: number;
}

/** Fewer words are no sentence to speak of. */
const FEWEST_WORDS = 3;
/** Of a sentence's words. */
const SHARE = 0.75;

const WORD = /[\p{L}\p{N}][\p{L}\p{N}'-]*/gu;

/** @param edits in order, of this draft */
export function rewrittenSentences(draft: string, edits: readonly Edit[]): RewrittenSentence[] {
  return sentencesOf(draft).flatMap(({ start, end }) => {
    const own = edits.filter((edit) => edit.start < end && edit.end > start);
    if (own.length === 0) return [];
    const words = [...draft.slice(start, end).matchAll(WORD)].map(({ index, 0: { length } }) => ({
      start: start + index,
      end: start + index + length,
    }));
    const changed = words.filter((word) => own.some((edit) => edit.start < word.end && edit.end > word.start)).length;
    if (words.length < FEWEST_WORDS || changed < SHARE * words.length) return [];
    // An edit may reach into the next sentence.
    const from = Math.min(start, ...own.map((edit) => edit.start));
    const to = Math.max(end, ...own.map((edit) => edit.end));
    const moved = own.map((edit) => ({ ...edit, start: edit.start - from, end: edit.end - from }));
    return [
      {
        from: draft.slice(from, to).trim(),
        to: applyEdits(draft.slice(from, to), moved, () => true).trim(),
        words: words.length,
        changed,
        confidence: Math.min(...own.map(({ confidence }) => confidence)),
      },
    ];
  });
}

/** A full stop inside of a number or a name ends nothing. */
function sentencesOf(text: string): { start: number; end: number }[] {
  const sentences: { start: number; end: number }[] = [];
  let start = 0;
  for (const { index, 0: mark } of text.matchAll(/[.!?]+(?=\s|$)|\n+/gu)) {
    sentences.push({ start, end: index + mark.length });
    start = index + mark.length;
  }
  return [...sentences, { start, end: text.length }].filter((one) => text.slice(one.start, one.end).trim() !== "");
}
