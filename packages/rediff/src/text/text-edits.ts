/** Where each token lies in a text, and what changed between two sequences of tokens as edits of characters. */
import type { Tokenizer } from "./tokenizer.js";

export interface TextEdit {
  /** Characters (UTF-16 units, as JavaScript counts) of the old text: [start, end) */
  start: number;
  end: number;
  from: string;
  to: string;
  /** Of the tokens written, the least sure one's: 0 to 1. */
  confidence: number;
}

function commonPrefix(a: string, b: string): number {
  let i = 0;
  while (i < a.length && i < b.length && a[i] === b[i]) i++;
  return i;
}

/** Start of every token in the decoded text, and the text's length at the end: [ids.length + 1].
 *  A token that holds only a part of a character begins where that character does. */
export function tokenOffsets(tokenizer: Tokenizer, ids: ArrayLike<number>, text: string): number[] {
  const all = Array.from(ids);
  const offsets = [0];
  for (let i = 1; i < all.length; i++)
    offsets.push(Math.max(offsets[i - 1] as number, commonPrefix(tokenizer.decode(all.slice(0, i)), text)));
  offsets.push(text.length);
  return offsets;
}

/** Edits that turn the old tokens' text into the new ones'. Both have the same length; neighbours that changed
 *  become one edit.
 *  @param confidence of each new token */
export function textEdits(
  tokenizer: Tokenizer,
  before: ArrayLike<number>,
  after: ArrayLike<number>,
  confidence: ArrayLike<number>,
): { text: string; edits: TextEdit[] } {
  const oldText = tokenizer.decode(before);
  const text = tokenizer.decode(after);
  const oldOffsets = tokenOffsets(tokenizer, before, oldText);
  const newOffsets = tokenOffsets(tokenizer, after, text);
  const edits: TextEdit[] = [];
  for (let i = 0; i < before.length; i++) {
    if (before[i] === after[i]) continue;
    let end = i + 1;
    while (end < before.length && before[end] !== after[end]) end++;
    const [start, stop] = [oldOffsets[i] as number, oldOffsets[end] as number];
    const to = text.slice(newOffsets[i], newOffsets[end]);
    const sure = Math.min(...Array.from(confidence).slice(i, end));
    edits.push({ start, end: stop, from: oldText.slice(start, stop), to, confidence: sure });
    i = end;
  }
  if (applyEdits(oldText, edits) === text) return { text, edits };
  // Tokens were cut inside characters; one edit from the first to the last difference is always right.
  return { text, edits: [wholeEdit(oldText, text, Math.min(...edits.map((edit) => edit.confidence)))] };
}

export function applyEdits(text: string, edits: readonly TextEdit[]): string {
  let result = "";
  let at = 0;
  for (const { start, end, to } of edits) {
    result += text.slice(at, start) + to;
    at = end;
  }
  return result + text.slice(at);
}

function wholeEdit(before: string, after: string, confidence: number): TextEdit {
  const start = commonPrefix(before, after);
  let tail = 0;
  while (
    tail < Math.min(before.length, after.length) - start &&
    before[before.length - 1 - tail] === after[after.length - 1 - tail]
  )
    tail++;
  const end = before.length - tail;
  return { start, end, from: before.slice(start, end), to: after.slice(start, after.length - tail), confidence };
}
