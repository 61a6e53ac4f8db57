/** What an answer looked like after any number of its steps, from what traces say. Imports types alone, so that a page can use
 *  it. */
import type { GivenToken, TraceChange } from "./trace-format.js";

/** An answer's steps, whole or as far as they go. */
export interface Replayable {
  /** Tokens of the answer. */
  length: number;
  given: readonly GivenToken[];
  steps: readonly { changes: readonly Pick<TraceChange, "position" | "token" | "kind">[] }[];
}

/** Of each position its text; undefined for a mask. @param passes steps that are done */
export function tokensAfter({ length, given, steps }: Replayable, passes: number): (string | undefined)[] {
  const tokens = new Array<string | undefined>(length).fill(undefined);
  for (const { position, token } of given) if (position < length) tokens[position] = token;
  for (const { changes } of steps.slice(0, Math.max(0, passes)))
    for (const { position, token } of changes) if (position < length) tokens[position] = token;
  return tokens;
}

/** `<|eot_id|>` and its like. */
export function isSpecialToken(token: string): boolean {
  return /^<\|?[a-z0-9_]+\|?>$/i.test(token.trim());
}

/** Tokens of the text: what stands behind its end is none of it. */
export function textLength(tokens: readonly (string | undefined)[]): number {
  const end = tokens.findIndex((token) => token !== undefined && isSpecialToken(token));
  return end < 0 ? tokens.length : end;
}

/** @param mask what stands for a token that is not there yet */
export function textAfter(answer: Replayable, passes: number, mask: string): string {
  const tokens = tokensAfter(answer, passes);
  return tokens
    .slice(0, textLength(tokens))
    .map((token) => token ?? mask)
    .join("")
    .trim();
}

/** Revisions of the text as it stands after so many steps; what was written over behind its end is no edit of it. */
export function editsAfter(answer: Replayable, passes: number): number {
  const length = textLength(tokensAfter(answer, passes));
  return answer.steps
    .slice(0, Math.max(0, passes))
    .flatMap(({ changes }) => changes)
    .filter(({ kind, position }) => kind === "revise" && position <= length).length;
}
