/** A corrected text as the expert's reply gives it: pairs of phrases with equally many words.
 *
 *  Whoever applies a pair looks for `org` and takes its first occurrence, so each `org` grows until it occurs once in
 *  the draft, and not in the prompt before it, where training would find it first. */
import { joinWords, standsClose } from "../language/words.js";

/** The keys of the reference's format. */
export interface RevisePair {
  org: string;
  target: string;
}

interface Span {
  start: number;
  end: number;
}

/** Pairs that turn the draft into the corrected text, in order; both have equally many words, but the last pair's target has
 *  fewer where the corrected text is shorter.
 *  @param prompt words that stand before the draft where the pairs are looked for */
export function revisePairs(
  draft: readonly string[],
  corrected: readonly string[],
  prompt: readonly string[] = [],
): RevisePair[] {
  if (draft.length < corrected.length || (corrected.length === 0 && draft.length > 0))
    throw new Error("revisePairs: a longer text, or none");
  const spans = mergeTouching(differences(draft, corrected).map((span) => grow(span, draft, corrected, prompt)));
  const toPair = ({ start, end }: Span): RevisePair => ({
    org: joinWords(draft.slice(start, end)),
    target: joinWords(corrected.slice(start, end)),
  });
  const pairs = spans.map(toPair);
  if (applyPairs(joinWords(draft), pairs) === joinWords(corrected)) return pairs;
  // Applied one after the other, a target made a later org ambiguous; one pair over everything cannot.
  const [first, last] = [spans[0], spans.at(-1)];
  return first === undefined || last === undefined ? [] : [toPair({ start: first.start, end: last.end })];
}

/** One after the other, each at its first occurrence. */
export function applyPairs(text: string, pairs: readonly RevisePair[]): string {
  return pairs.reduce((current, { org, target }) => {
    const at = current.indexOf(org);
    return at < 0 ? current : current.slice(0, at) + target + current.slice(at + org.length);
  }, text);
}

function differences(one: readonly string[], other: readonly string[]): Span[] {
  const spans: Span[] = [];
  for (let i = 0; i < one.length; i++) {
    // What a shorter text ends in goes with the words that it lacks: a phrase is replaced by some words at least.
    const endsEarly = other.length < one.length && i >= other.length - 1;
    if (one[i] === other[i] && !endsEarly) continue;
    const last = spans.at(-1);
    if (last !== undefined && last.end === i) last.end = i + 1;
    else spans.push({ start: i, end: i + 1 });
  }
  return spans;
}

/** The shortest window around the span that is unique; of equally short ones the one that reaches furthest right.
 *  It does not begin where a word takes the place of a full stop, or the other way round: the space before it would be
 *  wrong in the text. */
function grow(span: Span, draft: readonly string[], corrected: readonly string[], prompt: readonly string[]): Span {
  const text = joinWords(draft);
  for (let extra = 0; extra < draft.length; extra++) {
    for (let left = 0; left <= extra; left++) {
      const window = { start: span.start - left, end: span.end + extra - left };
      if (window.start < 0 || window.end > draft.length) continue;
      const [before, after] = [draft[window.start] ?? "", corrected[window.start] ?? ""];
      if (window.start > 0 && standsClose(before) !== standsClose(after)) continue;
      const phrase = draft.slice(window.start, window.end);
      const isUnique = occurrences(draft, phrase) === 1 && occurrences(prompt, phrase) === 0;
      if (isUnique && text.split(joinWords(phrase)).length === 2) return window;
    }
  }
  return { start: 0, end: draft.length };
}

function occurrences(words: readonly string[], phrase: readonly string[]): number {
  let count = 0;
  for (let i = 0; i + phrase.length <= words.length; i++) {
    if (phrase.every((word, j) => words[i + j] === word)) count++;
  }
  return count;
}

function mergeTouching(spans: readonly Span[]): Span[] {
  const merged: Span[] = [];
  for (const span of [...spans].sort((a, b) => a.start - b.start)) {
    const last = merged.at(-1);
    if (last !== undefined && span.start <= last.end) last.end = Math.max(last.end, span.end);
    else merged.push({ ...span });
  }
  return merged;
}
