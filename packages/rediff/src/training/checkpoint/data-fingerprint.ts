/** What tells a run's data from other data under the same names. A resumed run takes the records that come next in an
 *  order drawn over all of them: over other data it would see some records twice and others never, and nobody would
 *  know. So every checkpoint says what the data was. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { basename } from "node:path";
import { z } from "zod";
import type { Records } from "../../data/records/record-list.js";
import { fileError } from "../../files/read-errors.js";
import { hashPieces } from "../../files/sampled-hash.js";

const natural = z.number().int().min(0);

/** One stretch of the data: a file, and how much of it is taken. */
const partSchema = z.object({
  file: z.string(),
  bytes: natural,
  /** Taken from this one on; 0 where they are chosen at random. */
  first: natural,
  /** Taken. */
  records: natural,
  /** SHA-256 of pieces of the file (files/sampled-hash.ts). */
  sampled: z.string(),
  /** SHA-256 of all of it, where the recipe asks for that. */
  whole: z.string().optional(),
});

export const dataFingerprintSchema = z.array(partSchema);

/** In the order of the data. */
export type DataFingerprint = z.output<typeof dataFingerprintSchema>;
type Part = DataFingerprint[number];

/** @param how `sampled` reads at most a mebibyte of each file, `whole` all of it */
export async function fingerprintData(
  records: Records,
  how: "sampled" | "whole",
  signal?: AbortSignal,
): Promise<DataFingerprint> {
  const known = new Map<string, Pick<Part, "bytes" | "sampled" | "whole">>();
  const parts: Part[] = [];
  for (const { index, first, count } of records.parts) {
    signal?.throwIfAborted();
    const content = known.get(index.file) ?? (await contentOf(index.file, how, signal));
    known.set(index.file, content);
    parts.push({ file: index.file, first, records: count, ...content });
  }
  return parts;
}

async function contentOf(path: string, how: "sampled" | "whole", signal: AbortSignal | undefined) {
  const file = await open(path).catch((cause: unknown) => {
    throw fileError(path, cause);
  });
  try {
    const { size } = await file.stat();
    const pieces = createHash("sha256");
    await hashPieces(pieces, file, size);
    const content = { bytes: size, sampled: pieces.digest("hex") };
    return how === "whole" ? { ...content, whole: await wholeHash(path, signal) } : content;
  } finally {
    await file.close();
  }
}

async function wholeHash(path: string, signal: AbortSignal | undefined): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { ...(signal && { signal }) })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

/** What is other data now, in words; none when it is the same. A folder that was moved is no difference. */
export function dataChanges(saved: DataFingerprint, current: DataFingerprint): string[] {
  const changes = current.flatMap((part, i) => {
    const was = saved[i];
    return was === undefined ? [] : partChange(was, part);
  });
  const [gone, added] = [saved.slice(current.length), current.slice(saved.length)];
  return [
    ...changes,
    ...gone.map(({ file }) => `${file} is no longer there`),
    ...added.map(({ file }) => `${file} is new`),
  ];
}

/** Of the files that a run had, those that are other ones now, in words. Files that are no longer there say nothing, and
 *  nothing is indexed. */
export async function contentChanges(saved: DataFingerprint): Promise<string[]> {
  const changes: string[] = [];
  for (const was of new Map(saved.map((part) => [part.file, part])).values()) {
    const content = await contentOf(was.file, "sampled", undefined).catch(() => undefined);
    if (content !== undefined) changes.push(...partChange(was, { ...was, ...content }));
  }
  return changes;
}

function partChange(was: Part, is: Part): string[] {
  if (basename(was.file) !== basename(is.file)) return [`${is.file} stands where ${was.file} was`];
  if (was.records !== is.records) return [`${is.file}: was ${was.records} records, is ${is.records}`];
  if (was.first !== is.first) return [`${is.file}: was taken from record ${was.first} on, is from ${is.first}`];
  if (was.bytes !== is.bytes) return [`${is.file}: was ${was.bytes} bytes, is ${is.bytes}`];
  const isSame = was.sampled === is.sampled && (was.whole ?? is.whole) === (is.whole ?? was.whole);
  return isSame ? [] : [`${is.file}: its content has changed`];
}
