/** Templates with blanks, `A [[2]] is at the [[3]].`, as the server reads them; here only to show and to build them. */

import { checkSpans, keptParts, type Span } from "../text/spans.js";

export type TemplatePart = { kind: "text"; text: string } | { kind: "blank"; tokens: number };

const BLANK = /\[\[\s*(\d{1,3})\s*\]\]/g;

export function parseTemplate(template: string): TemplatePart[] {
  const parts: TemplatePart[] = [];
  let reached = 0;
  for (const match of template.matchAll(BLANK)) {
    if (match.index > reached) parts.push({ kind: "text", text: template.slice(reached, match.index) });
    parts.push({ kind: "blank", tokens: Number(match[1]) });
    reached = match.index + match[0].length;
  }
  if (reached < template.length) parts.push({ kind: "text", text: template.slice(reached) });
  return parts;
}

/** Why the template cannot be sent, in words for its author. */
export function templateProblem(template: string): string | undefined {
  const blanks = parseTemplate(template).filter((part) => part.kind === "blank");
  if (blanks.length === 0) return "The template has no blank yet. Insert one where the model should write.";
  if (blanks.some(({ tokens }) => tokens === 0)) return "A blank of 0 tokens has no room: use 1 or more.";
  return undefined;
}

/** The template with a blank in place of the selection, and where the cursor goes. */
export function insertBlank(
  template: string,
  selection: { start: number; end: number },
  tokens: number,
): { template: string; cursor: number } {
  const inside = (place: number) =>
    [...template.matchAll(BLANK)].find(({ index, 0: { length } }) => index < place && place < index + length);
  const blankAtStart = inside(selection.start);
  const blankAtEnd = inside(selection.end);
  const end = blankAtEnd === undefined ? selection.end : blankAtEnd.index + blankAtEnd[0].length;
  // A cursor inside of a blank goes behind it; a selection that ends inside of one takes all of it.
  const start =
    blankAtStart === undefined ? selection.start : selection.start === selection.end ? end : blankAtStart.index;
  const before = template.slice(0, start);
  const after = template.slice(end);
  const space = (text: RegExp, side: string) => (side !== "" && text.test(side) ? " " : "");
  const blank = `${space(/[^\s([{"'-]$/, before)}[[${tokens}]]${space(/^[\p{L}\p{N}[]/u, after)}`;
  return { template: before + blank + after, cursor: before.length + blank.length };
}

export interface FilledBlank {
  /** UTF-16 units of the text. */
  start: number;
  end: number;
  text: string;
}

export interface FilledPart {
  kind: "filled" | "kept" | "unread";
  text: string;
}

/** The answer with its filled parts apart, and of the others what the model cannot read.
 *  @throws Error when a blank or an unread word lies outside of the text */
export function filledParts(text: string, blanks: readonly FilledBlank[], unread: readonly Span[] = []): FilledPart[] {
  const left = checkSpans(text, unread);
  const parts: FilledPart[] = [];
  let reached = 0;
  for (const { start, end } of [...blanks].sort((a, b) => a.start - b.start)) {
    if (start < reached || end < start || end > text.length) {
      throw new Error(`a blank at ${start}-${end} in a text of ${text.length} characters`);
    }
    parts.push(...keptParts(text, reached, start, left));
    if (end > start) parts.push({ kind: "filled", text: text.slice(start, end) });
    reached = end;
  }
  return [...parts, ...keptParts(text, reached, text.length, left)];
}
