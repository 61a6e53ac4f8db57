/** The turns of a record, however they are written.
 *
 *  The list is `conversations`, or `messages` as chat APIs have it. A turn is `{from, value}` or `{role, content}`; of one
 *  that has both, the second counts. Without a list, question and answer may be two keys (question-answer.ts). Content may be a list of parts: texts are joined, a part with a picture becomes
 *  `<image>` where it stands. */

import { parseShallowJson } from "../../options/shallow-json.js";
import { imageToken } from "../../text/image-tokens.js";
import type { Turn } from "../../text/labels.js";
import { SampleError } from "../samples/sample-error.js";
import { questionAnswerOf } from "./question-answer.js";

export interface RecordTurns {
  turns: Turn[];
  /** Keys that hold question and answer, where there is no list. */
  pair?: string;
  /** Names of pictures that parts of turns have, in their order. */
  images: string[];
}

const KEYS = ["conversations", "messages", "conversation"] as const;
const ROLES: Readonly<Record<string, string>> = { human: "user", gpt: "assistant", developer: "system" };

type JsonObject = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The key under which a record has its turns. */
export const turnsKey = (record: JsonObject): (typeof KEYS)[number] | undefined =>
  KEYS.find((key) => record[key] !== undefined && record[key] !== null);

/** @throws SampleError naming the turn, counted from 0 as in the record's list */
export function turnsOf(record: JsonObject): RecordTurns {
  const key = turnsKey(record);
  if (key === undefined) {
    const pair = questionAnswerOf(record);
    if (pair !== undefined) return { turns: pair.turns, pair: pair.keys, images: [] };
    const keys = Object.keys(record).slice(0, 8).join(", ");
    throw new SampleError("form", `has no conversations; its keys are ${keys || "none"}`, EXPECTED);
  }
  const list = listOf(record[key]);
  if (!Array.isArray(list)) throw new SampleError("form", `${key}: expected a list of turns`);
  if (list.length === 0) throw new SampleError("form", `${key}: has no turns`);
  const images: string[] = [];
  const turns = list.map((turn, i) => turnOf(turn, `${key}.${i}`, images));
  return { turns, images };
}

const EXPECTED =
  "Write conversations: [{from: human, value}, {from: gpt, value}], or the two texts question and answer";

/** Tables (parquet, CSV) keep a list as its JSON text. */
function listOf(value: unknown): unknown {
  if (typeof value !== "string" || !value.trimStart().startsWith("[")) return value;
  try {
    return parseShallowJson(value);
  } catch {
    return value;
  }
}

function turnOf(turn: unknown, where: string, images: string[]): Turn {
  if (!isObject(turn)) throw new SampleError("form", `${where}: a turn is an object {from, value}`);
  const { from, value, role, content } = turn;
  const [who, said] = isGiven(role) && isGiven(content) ? [role, content] : [from ?? role, value ?? content];
  if (!isGiven(who) || !isGiven(said)) {
    throw new SampleError("form", `${where}: a turn needs from and value, or role and content`);
  }
  if (typeof who !== "string") throw new SampleError("form", `${where}: expected a text as its role`);
  const text = typeof said === "string" ? said : Array.isArray(said) ? joinParts(said, where, images) : undefined;
  if (text === undefined) throw new SampleError("form", `${where}: expected a text, got ${typeof said}`);
  return { role: ROLES[who] ?? who, content: text };
}

const isGiven = (value: unknown): boolean => value !== undefined && value !== null;

/** Markers of one run stand beside each other and on a line of their own, as prompts have them. */
function joinParts(parts: readonly unknown[], where: string, images: string[]): string {
  let text = "";
  let isBehindPicture = false;
  for (const part of parts) {
    const read = partOf(part, where);
    if (read.kind === "text") {
      if (read.text === "") continue;
      text += isBehindPicture && !/^\s/.test(read.text) ? `\n${read.text}` : read.text;
      isBehindPicture = false;
    } else {
      if (read.name !== undefined) images.push(read.name);
      text += `${isBehindPicture ? " " : text === "" || /\s$/.test(text) ? "" : "\n"}${imageToken}`;
      isBehindPicture = true;
    }
  }
  return text;
}

function partOf(part: unknown, where: string): { kind: "text"; text: string } | { kind: "picture"; name?: string } {
  if (typeof part === "string") return { kind: "text", text: part };
  const type = isObject(part) ? part.type : undefined;
  if (isObject(part) && (type === "text" || (type === undefined && typeof part.text === "string"))) {
    // Parquet files give every part every key, null where it has none.
    if (typeof part.text === "string") return { kind: "text", text: part.text };
  } else if (isObject(part) && ["image", "image_url", "video", "input_image"].includes(String(type))) {
    const name = nameOf(part[String(type)] ?? part.image_url ?? part.url ?? part.path);
    return name === undefined ? { kind: "picture" } : { kind: "picture", name };
  }
  throw new SampleError("form", `${where}: a part of its content is ${JSON.stringify(part)?.slice(0, 60)}`, PARTS);
}

const PARTS = 'Parts are {"type": "text", "text": ...} and {"type": "image"}';

function nameOf(value: unknown): string | undefined {
  const name = isObject(value) ? (value.url ?? value.path) : value;
  return typeof name === "string" && name !== "" ? name.replace(/^file:\/\//, "") : undefined;
}
