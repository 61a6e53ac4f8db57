/** One record of the data, parsed once, at the border.
 *
 *      {id?, image?: name | names, video?: name, conversations: turns, revise?: [{org, target}],
 *       blanks?: [[start, end], ...]}
 *
 *  Turns are `{from, value}` or `{role, content}`. Other keys are left alone. Departures from the reference, which finds
 *  such things in the middle of training or never: unknown roles, a record with both pictures and a video, and one
 *  without a single word are errors. */
import { z } from "zod";
import { turnSchema } from "../../text/labels.js";
import type { DataRecord, Media, SampleSource } from "../samples/sample.js";
import { SampleError } from "../samples/sample-error.js";
import { countWords } from "./python-words.js";

const roles = ["user", "assistant", "system"];
const name = z.string().min(1, "is empty; a record without pictures has no such key");

const recordSchema = z.looseObject({
  id: z.union([z.string(), z.number()]).nullish(),
  image: z.union([name, z.array(name)], "expected a file name or a list of file names").nullish(),
  video: name.nullish(),
  conversations: z.array(turnSchema).min(1, "has no turns"),
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
  const { id, image, video, conversations, revise, blanks } = result.data;
  const named = image === undefined || image === null ? [] : [image].flat();
  const images = own === undefined ? named : own.images;
  const moving = own === undefined ? (video ?? undefined) : own.video;

  const odd = conversations.find(({ role }) => !roles.includes(role));
  if (odd !== undefined) {
    throw new SampleError("form", `a turn is from ${JSON.stringify(odd.role)}`, "Use human, gpt or system");
  }
  if (images.length > 0 && moving !== undefined) {
    throw new SampleError("form", "has both image and video", "Make two records of it");
  }
  if (conversations.every(({ content }) => countWords(content) === 0)) {
    throw new SampleError("form", "its conversation has no words", "Remove the record");
  }
  const record: DataRecord = {
    source: id === undefined || id === null ? source : { ...source, id: String(id) },
    turns: conversations,
    images,
    revise: (revise ?? []).map(({ org, target }) => ({ org, target })),
  };
  if (moving !== undefined) record.video = moving;
  if (blanks !== undefined && blanks !== null && blanks.length > 0) {
    if (record.revise.length > 0) throw new SampleError("form", "has both blanks and revise", "Make two records of it");
    record.blanks = blanks;
  }
  return record;
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
