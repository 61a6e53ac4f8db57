/** The expert's replies as the original's process.py takes them, oddities included, for comparison with data made by it.
 *
 *  It removes every "```" and every "json", inside values too; only the exact text `right` means that nothing is wrong;
 *  an object is walked over by its keys and a string by its characters; token counts are compared without the leading
 *  space that training encodes with; nothing checks that a phrase occurs in the draft. */

import { parseShallowJson } from "../../options/shallow-json.js";
import { isRecord } from "../formats/exact-json.js";

/** What became of one reply. */
export type OriginalReply =
  | { kind: "right" }
  /** Not a text, or not JSON. */
  | { kind: "unreadable" }
  /** null, true or a number: the original's script ends here, before anything is written. */
  | { kind: "not_iterable"; value: unknown }
  | { kind: "pairs"; kept: Record<string, unknown>[]; dropped: OriginalDrop[] };

export interface OriginalDrop {
  pair: unknown;
  /** `no_tokens`: no object with two texts. */
  reason: "no_tokens" | "token_count";
}

export function readOriginalReply(reply: unknown, countTokens: (text: string) => number): OriginalReply {
  if (reply === "right") return { kind: "right" };
  if (typeof reply !== "string") return { kind: "unreadable" };
  const parsed = parsePythonJson(reply.replaceAll("```", "").replaceAll("json", ""));
  if (parsed === undefined) return { kind: "unreadable" };
  const pairs = pythonIterable(parsed.value);
  if (pairs === undefined) return { kind: "not_iterable", value: parsed.value };
  const kept: Record<string, unknown>[] = [];
  const dropped: OriginalDrop[] = [];
  for (const pair of pairs) {
    const org = isRecord(pair) ? tokenCount(pair.org, countTokens) : undefined;
    const target = isRecord(pair) ? tokenCount(pair.target, countTokens) : undefined;
    if (!isRecord(pair) || org === undefined || target === undefined) dropped.push({ pair, reason: "no_tokens" });
    else if (org !== target) dropped.push({ pair, reason: "token_count" });
    else kept.push(pair);
  }
  return { kind: "pairs", kept, dropped };
}

/** Python's json also reads NaN and the infinities. They count as null here: nothing that is kept can hold one. */
function parsePythonJson(text: string): { value: unknown } | undefined {
  try {
    return { value: parseShallowJson(text) };
  } catch {
    const strict = withoutInfinities(text);
    if (strict === text) return undefined;
    try {
      return { value: parseShallowJson(strict) };
    } catch {
      return undefined;
    }
  }
}

/** From string to string: one expression for both would look for a missing quote behind each that there is, and keep a
 *  place to come back to for each escape of a long one. */
function withoutInfinities(text: string): string {
  let strict = "";
  for (let at = 0; at < text.length; ) {
    const quote = text.indexOf('"', at);
    const start = quote < 0 ? text.length : quote;
    strict += text.slice(at, start).replace(/NaN|-?Infinity/g, "null");
    at = start + 1;
    while (at < text.length && text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
    at++;
    strict += text.slice(start, at);
  }
  return strict;
}

/** What Python's `for` walks over; undefined where it raises. */
function pythonIterable(value: unknown): Iterable<unknown> | undefined {
  if (Array.isArray(value) || typeof value === "string") return value;
  return isRecord(value) ? Object.keys(value) : undefined;
}

/** Undefined where the tokenizer of transformers 4.43 raises. It takes a list of two texts as a pair, and counts both. */
function tokenCount(value: unknown, countTokens: (text: string) => number): number | undefined {
  // Half a character arrives there as three replacement characters, one for each of its bytes.
  if (typeof value === "string") return countTokens(value.replace(/\p{Surrogate}/gu, "\ufffd\ufffd\ufffd"));
  if (!Array.isArray(value) || value.length !== 2 || !value.every((text) => typeof text === "string")) return undefined;
  return value.reduce<number>((sum, text: string) => sum + (tokenCount(text, countTokens) ?? 0), 0);
}
