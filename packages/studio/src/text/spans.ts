/** Parts of texts that the server points at, and what it could not read of them. */

/** A part of a text: UTF-16 units, and what stands there. */
export interface Span {
  start: number;
  end: number;
  text: string;
}

export type KeptPart = { kind: "kept"; text: string } | { kind: "unread"; text: string };

/** Spans in order. @throws Error when they are not of this text */
export function checkSpans(text: string, spans: readonly Span[]): Span[] {
  const sorted = [...spans].sort((a, b) => a.start - b.start || a.end - b.end);
  let reached = 0;
  for (const { start, end, text: part } of sorted) {
    if (start < reached || end < start || end > text.length || text.slice(start, end) !== part) {
      throw new Error(`unread words "${part}" at ${start}-${end} that do not fit the text`);
    }
    reached = end;
  }
  return sorted;
}

/** The text from `from` to `to`; unread spans that reach further are cut. */
export function keptParts(text: string, from: number, to: number, unread: readonly Span[]): KeptPart[] {
  const parts: KeptPart[] = [];
  let reached = from;
  for (const span of unread) {
    const [start, end] = [Math.max(span.start, reached), Math.min(span.end, to)];
    if (start >= end) continue;
    if (start > reached) parts.push({ kind: "kept", text: text.slice(reached, start) });
    parts.push({ kind: "unread", text: text.slice(start, end) });
    reached = end;
  }
  if (reached < to) parts.push({ kind: "kept", text: text.slice(reached, to) });
  return parts;
}
