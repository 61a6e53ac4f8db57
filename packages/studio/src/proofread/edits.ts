/** Edits that the server proposes for a draft, and the text that comes of accepting some of them. */

import { type KeptPart, keptParts, type Span } from "../text/spans.js";

export interface Edit {
  /** UTF-16 units of the draft. */
  start: number;
  end: number;
  from: string;
  to: string;
  /** 0 to 1. */
  confidence: number;
}

export type Segment = KeptPart | { kind: "edit"; index: number; edit: Edit };

/** @throws Error when the edits are not of this draft: the answer would show the wrong words */
export function checkEdits(draft: string, edits: readonly Edit[]): Edit[] {
  const sorted = [...edits].sort((a, b) => a.start - b.start || a.end - b.end);
  let reached = 0;
  for (const { start, end, from } of sorted) {
    if (start < reached || end < start || end > draft.length || draft.slice(start, end) !== from) {
      throw new Error(`an edit of "${from}" at ${start}-${end} that does not fit the draft`);
    }
    reached = end;
  }
  return sorted;
}

/** The draft in order: what stays, read or not, and the edits between. */
export function segmentsOf(draft: string, edits: readonly Edit[], unread: readonly Span[] = []): Segment[] {
  const segments: Segment[] = [];
  let reached = 0;
  for (const [index, edit] of edits.entries()) {
    segments.push(...keptParts(draft, reached, edit.start, unread));
    segments.push({ kind: "edit", index, edit });
    reached = edit.end;
  }
  return [...segments, ...keptParts(draft, reached, draft.length, unread)];
}

/** The draft with the accepted edits applied. */
export function applyEdits(draft: string, edits: readonly Edit[], accepted: (index: number) => boolean): string {
  return segmentsOf(draft, edits)
    .map((segment) => {
      if (segment.kind !== "edit") return segment.text;
      return accepted(segment.index) ? segment.edit.to : segment.edit.from;
    })
    .join("");
}
