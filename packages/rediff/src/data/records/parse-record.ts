/** One record of the data, parsed once, at the border.
 *
 *      {id?, image?: name | names, video?: name, conversations: turns, system?: text, revise?: [{org, target}],
 *       blanks?: [[start, end], ...]}
 *
 *  Turns are `{from, value}` or `{role, content}` (record-turns.ts), or two keys (question-answer.ts); pictures may be named by other keys (media-keys.ts).
 *  Other keys are left alone. Departures from the reference, which finds such things in the middle of training or never:
 *  unknown roles, a record with both pictures and a video, halves of characters, and a record without a single word are
 *  errors. */
import { z } from "zod";
import { mediaOf, type NamedMedia } from "../parsing/media-keys.js";
import { turnsOf } from "../parsing/record-turns.js";
import type { DataRecord, Media, SampleSource } from "../samples/sample.js";
import { SampleError } from "../samples/sample-error.js";
import { countWords } from "./python-words.js";

const roles = ["user", "assistant", "system"];

const recordSchema = z.looseObject({
  id: z.union([z.string(), z.number()]).nullish(),
  system: z.string().nullish(),
  revise: z.array(z.looseObject({ org: z.string(), target: z.string() })).nullish(),
  blanks: z.array(z.tuple([z.int().min(0), z.int()])).nullish(),
});

/** Media bytes that a record brings along (WebDataset), in place of names. */
export interface OwnMedia {
  images: Media[];
  video?: Media;
}

/** @throws SampleError naming the key and what is wrong with it */
export function parseRecord(value: unknown, source: SampleSource, own?: OwnMedia): DataRecord {
  const result = recordSchema.safeParse(value);
  if (!result.success) throw formError(value, result.error);
  const { id, system, revise, blanks } = result.data;
  const { turns, images: inTurns, pair } = turnsOf(result.data);
  const media = mediaOf(result.data);
  if (inTurns.length > 0) addPicturesOfTurns(media, inTurns);
  const images = own === undefined ? media.images : own.images;
  const moving = own === undefined ? media.video : own.video;

  const odd = turns.find(({ role }) => !roles.includes(role));
  if (odd !== undefined) {
    throw new SampleError("form", `a turn is from ${JSON.stringify(odd.role)}`, "Use human, gpt or system");
  }
  if (images.length > 0 && moving !== undefined) {
    throw new SampleError("form", "has both image and video", "Make two records of it");
  }
  if (turns.every(({ content }) => countWords(content) === 0)) {
    throw new SampleError("form", "its conversation has no words", "Remove the record");
  }
  const record: DataRecord = {
    source: id === undefined || id === null ? source : { ...source, id: String(id) },
    turns,
    images,
    revise: (revise ?? []).map(({ org, target }) => ({ org, target })),
  };
  if (moving !== undefined) record.video = moving;
  if (pair !== undefined) record.pairKeys = pair;
  // A shard's pictures are its members, whatever the text calls them.
  if (media.key !== undefined && own === undefined) record.mediaKey = media.key;
  if (media.unread.length > 0 && (own === undefined || (images.length === 0 && moving === undefined)))
    record.unreadKeys = media.unread;
  const told = systemOf(system, result.data);
  if (told !== undefined) record.systemText = told;
  assertWholeCharacters(record);
  if (blanks !== undefined && blanks !== null && blanks.length > 0) {
    if (record.revise.length > 0) throw new SampleError("form", "has both blanks and revise", "Make two records of it");
    record.blanks = blanks;
  }
  return record;
}

const SYSTEM_KEY = /^system(?:(?:prompt|message|msg|text|instruction)s?)?$/;

/** @param system the value of the key itself; where it says nothing, others that can mean nothing else are looked at */
function systemOf(system: string | null | undefined, record: Readonly<Record<string, unknown>>): string | undefined {
  const isSaid = (text: unknown): text is string => typeof text === "string" && text.trim() !== "";
  if (isSaid(system)) return system;
  const others = Object.entries(record).filter(
    ([key, value]) => SYSTEM_KEY.test(key.toLowerCase().replace(/[_\-\s]/g, "")) && isSaid(value),
  );
  const [[key, text] = [], ...rest] = others;
  const other = rest.find(([, value]) => value !== text);
  if (other !== undefined) {
    throw new SampleError("form", `${key} and ${other[0]} are different system texts`, "Leave one of them out");
  }
  return isSaid(text) ? text : undefined;
}

function addPicturesOfTurns(media: NamedMedia, names: readonly string[]): void {
  if (media.images.length > 0 && media.images.join("\n") !== names.join("\n")) {
    throw new SampleError(
      "form",
      `its turns name ${names.length} pictures, and ${media.key ?? "image"} names others`,
      "Name each picture once",
    );
  }
  media.images = [...names];
  media.key ??= "the parts of its turns";
  media.unread = [];
}

/** JSON can write half of a character (`\\ud83d`), for which no tokenizer has a token: it would be learnt as U+FFFD. */
function assertWholeCharacters({ turns, systemText, revise }: DataRecord): void {
  const texts: [where: string, text: string][] = turns.map(({ content }, i) => [`turn ${i + 1}`, content]);
  if (systemText !== undefined) texts.push(["system", systemText]);
  for (const [i, { org, target }] of revise.entries()) texts.push([`revise.${i}`, org], [`revise.${i}`, target]);
  for (const [where, text] of texts) {
    const half = /\p{Surrogate}/u.exec(text)?.[0];
    if (half === undefined) continue;
    throw new SampleError(
      "form",
      `${where} has half of a character, \\u${half.charCodeAt(0).toString(16)}`,
      "Write the whole character, or remove it",
    );
  }
}

function formError(value: unknown, error: z.ZodError): SampleError {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return new SampleError("form", "is no JSON object", 'Expected {"image": ..., "conversations": [...]}');
  }
  const [issue] = error.issues;
  const where = issue?.path.join(".") ?? "";
  const missing = issue?.path.length === 1 && !Object.hasOwn(value, String(issue.path[0]));
  if (missing) {
    const keys = Object.keys(value).slice(0, 8).join(", ");
    return new SampleError("form", `has no ${where}; its keys are ${keys || "none"}`);
  }
  return new SampleError("form", `${where}: ${issue?.message ?? "unexpected content"}`);
}
