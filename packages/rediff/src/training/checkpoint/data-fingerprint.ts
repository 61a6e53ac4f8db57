/** What tells a run's data from other data under the same names. A resumed run takes the records that come next in an
 *  order drawn over all of them: over other data it would see some records twice and others never, and nobody would
 *  know. So every checkpoint says what the data was. */
import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { basename } from "node:path";
import { setImmediate } from "node:timers/promises";
import { z } from "zod";
import type { Records } from "../../data/records/record-list.js";
import { fileError } from "../../files/read-errors.js";
import { openRegular } from "../../files/regular-file.js";
import { hashPieces, MOST_PIECES, PIECE_BYTES } from "../../files/sampled-hash.js";

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
  /** How many, where they are fewer than usual. */
  pieces: z.int().min(2).max(MOST_PIECES).optional(),
  /** SHA-256 of all of it, where the recipe asks for that. */
  whole: z.string().optional(),
});

export const dataFingerprintSchema = z.array(partSchema);

/** In the order of the data. */
export type DataFingerprint = z.output<typeof dataFingerprintSchema>;
type Part = DataFingerprint[number];

/** A mebibyte of each of a thousand files is read in seconds; of more files, less of each. */
const MOST_PIECES_OF_ALL = 1 << 16;
const LEAST_PIECES = 3;

export interface FingerprintOptions {
  /** `sampled` reads at most a mebibyte of each file, and about a gibibyte of many files; `whole` all of them. */
  how: "sampled" | "whole";
  /** What it will be compared with: the same pieces are taken. */
  like?: DataFingerprint | undefined;
  /** Bytes hashed so far, and bytes to be hashed. */
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

/** @throws UserError when a file cannot be read; the signal's reason when aborted */
export async function fingerprintData(records: Records, options: FingerprintOptions): Promise<DataFingerprint> {
  const files = [...new Set(records.parts.map(({ index }) => index.file))];
  const pieces = options.like === undefined ? piecesOfEach(files.length) : (options.like[0]?.pieces ?? MOST_PIECES);
  const sizes = new Map(records.parts.map(({ index }) => [index.file, index.starts.at(-1) ?? 0]));
  const read = (size: number) => (options.how === "whole" ? size : Math.min(size, pieces * PIECE_BYTES));
  const total = [...sizes.values()].reduce((sum, size) => sum + read(size), 0);
  let done = 0;
  const known = new Map<string, Content>();
  for (const file of files) {
    const before = done;
    const content = await contentOf(file, {
      ...{ pieces, how: options.how, signal: options.signal },
      onBytes(bytes) {
        done += bytes;
        options.onProgress?.(Math.min(done, total), total);
      },
    });
    known.set(file, content);
    done = before + read(sizes.get(file) ?? 0); // what stands behind the last record is read, too
    options.onProgress?.(Math.min(done, total), total);
  }
  return records.parts.flatMap(({ index: { file }, first, count }) => {
    const content = known.get(file);
    return content === undefined ? [] : [{ file, first, records: count, ...content }];
  });
}

const piecesOfEach = (files: number): number =>
  Math.max(LEAST_PIECES, Math.min(MOST_PIECES, Math.floor(MOST_PIECES_OF_ALL / Math.max(1, files))));

type Content = Pick<Part, "bytes" | "sampled" | "pieces" | "whole">;

interface ContentOptions {
  pieces: number;
  how: "sampled" | "whole";
  signal?: AbortSignal | undefined;
  onBytes?: (bytes: number) => void;
}

async function contentOf(path: string, { pieces, how, signal, onBytes }: ContentOptions): Promise<Content> {
  await setImmediate(); // signals get their turn between files
  signal?.throwIfAborted();
  await using file = await openRegular(path, "a data file");
  try {
    const { size } = await file.stat();
    const hash = createHash("sha256");
    hashPieces(hash, file.fd, size, pieces);
    const content = { bytes: size, sampled: hash.digest("hex"), ...(pieces < MOST_PIECES && { pieces }) };
    return how === "whole" ? { ...content, whole: await wholeHash(file, signal, onBytes) } : content;
  } catch (cause) {
    signal?.throwIfAborted();
    throw fileError(path, cause);
  }
}

const CHUNK_BYTES = 1 << 20;

async function wholeHash(
  file: FileHandle,
  signal: AbortSignal | undefined,
  onBytes: ContentOptions["onBytes"],
): Promise<string> {
  const hash = createHash("sha256");
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let at = 0; ; ) {
    signal?.throwIfAborted();
    const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES, at);
    if (bytesRead === 0) return hash.digest("hex");
    hash.update(chunk.subarray(0, bytesRead));
    at += bytesRead;
    onBytes?.(bytesRead);
  }
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
export async function contentChanges(saved: DataFingerprint, signal?: AbortSignal): Promise<string[]> {
  const changes: string[] = [];
  for (const was of new Map(saved.map((part) => [part.file, part])).values()) {
    const options = { pieces: was.pieces ?? MOST_PIECES, how: "sampled" } as const;
    const content = await contentOf(was.file, options).catch(() => undefined);
    signal?.throwIfAborted();
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
