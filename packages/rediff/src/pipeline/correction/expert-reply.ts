/** What the expert replied: `right`, or a list of phrases and their replacements.
 *
 *  Departures from the original, which original-reply.ts keeps: code fences are removed at the ends only, `right` may have
 *  capitals, quotes, spaces and a period, and what is no pair of two texts is dropped by itself and counted. */

import type { ReviseSpan } from "../../data/samples/sample.js";
import { parseShallowJson } from "../../options/shallow-json.js";
import { isRecord } from "../formats/exact-json.js";

export type ExpertReply =
  | { kind: "right" }
  /** No reply, or one that holds no list. */
  | { kind: "unusable"; reason: UnusableReply }
  | { kind: "pairs"; pairs: ReviseSpan[]; malformed: unknown[] };

export type UnusableReply = "no_reply" | "not_json" | "not_a_list";

export const unusableReplies: Readonly<Record<UnusableReply, string>> = {
  no_reply: "there is no reply",
  not_json: "the reply is neither `right` nor JSON",
  not_a_list: "the reply is JSON, but no list of org and target",
};

export function parseReply(reply: unknown): ExpertReply {
  if (typeof reply !== "string" || reply.trim() === "") return { kind: "unusable", reason: "no_reply" };
  const text = withoutFences(reply);
  if (/^["'`*]*right["'`*]*[.!]?["'`*]*$/i.test(text)) return { kind: "right" };
  const value = parseJson(text);
  if (value === undefined) return { kind: "unusable", reason: "not_json" };
  const list = Array.isArray(value) ? value : isSpan(value) ? [value] : undefined;
  if (list === undefined) return { kind: "unusable", reason: "not_a_list" };
  const pairs = list.filter(isSpan).map(({ org, target }) => ({ org: org.trim(), target: target.trim() }));
  return { kind: "pairs", pairs, malformed: list.filter((element) => !isSpan(element)) };
}

const isSpan = (value: unknown): value is ReviseSpan =>
  isRecord(value) && typeof value.org === "string" && typeof value.target === "string";

/** Without expressions that look for a fence behind every blank: a reply may be megabytes of them. */
function withoutFences(reply: string): string {
  const text = reply.trim().replace(/^```[a-zA-Z]*/, "");
  return (text.endsWith("```") ? text.slice(0, -3) : text).trim();
}

function parseJson(text: string): unknown {
  try {
    return parseShallowJson(text);
  } catch {
    return undefined;
  }
}
