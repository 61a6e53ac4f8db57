/** Edits that the server proposes for a draft, and the text that comes of accepting some of them. */

export interface Edit {
  /** UTF-16 units of the draft. */
  start: number;
  end: number;
  from: string;
  to: string;
  /** 0 to 1. */
  confidence: number;
}

export type Segment = { kind: "kept"; text: string } | { kind: "edit"; index: number; edit: Edit };

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

/** The draft in order: what stays, and the edits between. */
export function segmentsOf(draft: string, edits: readonly Edit[]): Segment[] {
  const segments: Segment[] = [];
  let reached = 0;
  for (const [index, edit] of edits.entries()) {
    if (edit.start > reached) segments.push({ kind: "kept", text: draft.slice(reached, edit.start) });
    segments.push({ kind: "edit", index, edit });
    reached = edit.end;
  }
  if (reached < draft.length) segments.push({ kind: "kept", text: draft.slice(reached) });
  return segments;
}

/** The draft with the accepted edits applied. */
export function applyEdits(draft: string, edits: readonly Edit[], accepted: (index: number) => boolean): string {
  return segmentsOf(draft, edits)
    .map((segment) => {
      if (segment.kind === "kept") return segment.text;
      return accepted(segment.index) ? segment.edit.to : segment.edit.from;
    })
    .join("");
}
