/** What changed between a text's tokens and others in their place, as edits of the text as it was typed.
 *
 *  What is not rewritten stays as it is: case, spaces, line breaks, and what the model could not read. A word takes over the
 *  case of the one it replaces where the vocabulary knows none. */
import type { AlignedText } from "./alignment/aligned-text.js";
import { beginsInside } from "./alignment/byte-level.js";
import { joiner } from "./joiner.js";
import { caseOf } from "./letter-case.js";
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

/** A stretch of the text, and what stands there now. */
interface Piece {
  start: number;
  end: number;
  to: string;
  isChanged: boolean;
  confidence: number;
}

/** @param after tokens in the place of the draft's, as many
 *  @param confidence of each of them
 *  @returns edits in order; `applyEdits(draft.text, edits)` is `text`. Neighbours that changed are one edit */
export function alignedEdits(
  tokenizer: Tokenizer,
  draft: AlignedText,
  after: ArrayLike<number>,
  confidence: ArrayLike<number>,
): { text: string; edits: TextEdit[] } {
  const pieces: Piece[] = [];
  const units = unitsOf(tokenizer, draft, after);
  for (const [i, unit] of units.entries()) {
    const last = units[i - 1];
    const before = pieces.at(-1)?.to ?? "";
    const { from, to, start, end } = unit;
    const old = draft.text.slice(start, end);
    const isOther = hasChanged(draft.ids, after, unit);
    const surest = Array.from({ length: to - from }, (_, k) => confidence[from + k] as number);
    const written = isOther ? wordFor(tokenizer, draft, after, unit) : old;
    // Another token may be the same characters.
    const isChanged = written !== old;
    const gap = gapBefore(tokenizer, draft, after, last, unit, [before, written]);
    if (gap.start < gap.end || gap.to !== "") pieces.push(gap);
    pieces.push({ start, end, to: written, isChanged, confidence: isChanged ? Math.min(...surest) : 1 });
  }
  const edits = editsOf(draft.text, pieces);
  return { text: applyEdits(draft.text, edits), edits };
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

/** Tokens [from, to) that can only be written together, with their characters [start, end). */
interface Unit {
  from: number;
  to: number;
  start: number;
  end: number;
}

/** Several tokens may share a character: before the change, or after it. */
function unitsOf({ stages, token }: Tokenizer, { ids, spans, fixed }: AlignedText, after: ArrayLike<number>): Unit[] {
  const standIns = new Set(fixed);
  const cuts = (id: number | undefined) => id !== undefined && beginsInside(token(id) ?? "");
  const units: Unit[] = [];
  for (const [i, { start, end }] of spans.entries()) {
    const last = units.at(-1);
    const isShared = stages.isByteLevel ? cuts(ids[i]) || cuts(after[i]) : start === end || last?.start === last?.end;
    if (last?.end === start && isShared && standIns.has(i) === standIns.has(last.from)) {
      last.to = i + 1;
      last.end = Math.max(last.end, end);
    } else units.push({ from: i, to: i + 1, start, end });
  }
  return units;
}

const hasChanged = (ids: readonly number[], after: ArrayLike<number>, { from, to }: Unit): boolean =>
  ids.slice(from, to).some((id, k) => id !== after[from + k]);

function wordFor(tokenizer: Tokenizer, draft: AlignedText, after: ArrayLike<number>, unit: Unit): string {
  const length = unit.to - unit.from;
  const read = (ids: ArrayLike<number>) =>
    spelling(
      tokenizer,
      Array.from({ length }, (_, i) => ids[unit.from + i] as number),
    );
  const [was, now] = [read(draft.ids), read(after)];
  return draft.isTrimmed ? caseOf(draft.text, unit, was.trim())(now.trim()) : caseOf(draft.text, unit, was)(now);
}

function spelling(tokenizer: Tokenizer, ids: number[]): string {
  const { continuation } = tokenizer.stages;
  const text = tokenizer.decode(ids);
  return continuation !== "" && text.startsWith(continuation) ? text.slice(continuation.length) : text;
}

/** What stands between two units. White space stays as it was typed unless one of them changed such that the vocabulary
 *  sets another: a full stop in a word's place stands close, and two words never do.
 *  @param written on either side of it now */
function gapBefore(
  tokenizer: Tokenizer,
  draft: AlignedText,
  after: ArrayLike<number>,
  last: Unit | undefined,
  next: Unit,
  written: readonly [string, string],
): Piece {
  const [start, end] = [last?.end ?? 0, next.start];
  const typed = draft.text.slice(start, end);
  const kept = { start, end, to: typed, isChanged: false, confidence: 1 };
  if (last === undefined || (tokenizer.stages.isByteLevel && !draft.isTrimmed)) return kept;
  const between = (ids: ArrayLike<number>) =>
    draft.isTrimmed
      ? leadingSpace(tokenizer, ids[next.from] as number)
      : joiner(tokenizer, ids[last.to - 1], ids[next.from]);
  const [old, now] = [between(draft.ids), between(after)];
  if (old === now) {
    const was = [draft.text.slice(last.start, last.end), draft.text.slice(next.start, next.end)] as const;
    const isMissing = typed === "" && now !== "" && runTogether(written) && !runTogether(was);
    return isMissing ? { ...kept, to: now, isChanged: true } : kept;
  }
  if (now === "") return /^[ \t]+$/.test(typed) ? { ...kept, to: "", isChanged: true } : kept;
  return typed === "" ? { ...kept, to: now, isChanged: true } : kept;
}

/** A token's own, as byte-level vocabularies have it. */
const leadingSpace = ({ decode }: Tokenizer, id: number): string => /^\s*/.exec(decode([id]))?.[0] ?? "";

/** Would be read as one word. */
const runTogether = ([left, right]: readonly [string, string]): boolean =>
  /[\p{L}\p{M}\p{N}]$/u.test(left) && /^[\p{L}\p{N}]/u.test(right);

function editsOf(text: string, pieces: readonly Piece[]): TextEdit[] {
  const edits: TextEdit[] = [];
  let [lastChanged, isNear] = [undefined as TextEdit | undefined, false];
  for (const { start, end, to, isChanged, confidence } of pieces) {
    if (!isChanged) {
      // A plain space between two words that changed does not part them.
      isNear = isNear && to === " ";
      continue;
    }
    if (lastChanged !== undefined && isNear) {
      lastChanged.to += text.slice(lastChanged.end, start) + to;
      lastChanged.end = end;
      lastChanged.confidence = Math.min(lastChanged.confidence, confidence);
    } else {
      lastChanged = { start, end, from: "", to, confidence };
      edits.push(lastChanged);
    }
    isNear = true;
  }
  for (const edit of edits) edit.from = text.slice(edit.start, edit.end);
  return edits;
}
