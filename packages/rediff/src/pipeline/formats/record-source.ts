/** The records of a JSON, JSONL or parquet file, one after the other, whatever the file's size. */
import type { open } from "node:fs/promises";
import { extname } from "node:path";
import { type FileIndex, placeOf } from "../../data/records/file-index.js";
import { LARGEST_RECORD, textOf } from "../../data/records/record-reader.js";
import { indexFile } from "../../data/records/scan-file.js";
import { UserError } from "../../errors.js";
import { openRegular } from "../../files/regular-file.js";
import { lineOfByte, notUtf8, notUtf8At } from "../../files/utf8-text.js";
import { isRecord, type JsonRecord, parseExact } from "./exact-json.js";
import { openParquet, type ParquetOptions } from "./parquet-source.js";
import type { RecordSource, SourceRecord } from "./record-stream.js";

const CHUNK_BYTES = 8 << 20;

export const isParquet = (file: string): boolean => extname(file).toLowerCase() === ".parquet";

/** @throws UserError when the file cannot be read or is none of these formats */
export async function openRecords(file: string, options: ParquetOptions = {}): Promise<RecordSource> {
  if (isParquet(file)) return openParquet(file, options);
  if (extname(file).toLowerCase() === ".tar")
    throw new UserError(`${file}: expected .json, .jsonl or .parquet`, "Training reads WebDataset shards as they are.");
  const index = await indexFile(file);
  return { file, count: index.count, records: () => readIndexed(index) };
}

/** Several files as one. */
export function chainRecords(sources: readonly RecordSource[]): RecordSource {
  return {
    file: sources.map(({ file }) => file).join(", "),
    count: sources.reduce((sum, { count }) => sum + count, 0),
    async *records() {
      for (const source of sources) yield* source.records();
    },
  };
}

async function* readIndexed(index: FileIndex): AsyncGenerator<SourceRecord> {
  const handle = await openRegular(index.file, "a data file");
  try {
    let chunk = Buffer.alloc(0);
    let chunkStart = 0;
    for (let i = 0; i < index.count; i++) {
      const place = placeOf(index, i);
      const where = async () => `${place.file}:${place.line ?? (await lineOfByte(place.file, place.start))}`;
      const size = place.end - place.start;
      if (size > LARGEST_RECORD)
        throw new UserError(`${await where()}: has ${size} bytes; a record has at most ${LARGEST_RECORD}`);
      if (place.end > chunkStart + chunk.length) {
        chunk = Buffer.allocUnsafe(Math.max(CHUNK_BYTES, place.end - place.start));
        chunkStart = place.start;
        chunk = chunk.subarray(0, await fill(handle, chunk, chunkStart));
      }
      const bytes = chunk.subarray(place.start - chunkStart, place.end - chunkStart);
      // The index has seen all of the file; it may have changed since.
      const at = notUtf8At(bytes);
      if (at >= 0) {
        const offset = place.start + at;
        throw notUtf8(index.file, { line: await lineOfByte(index.file, offset), offset, bytes, at });
      }
      const text = textOf(place, bytes);
      yield {
        value: await parseRecordText(text, where),
        file: index.file,
        index: i,
        ...(place.line !== undefined && { line: place.line }),
        where,
      };
    }
  } finally {
    await handle.close();
  }
}

/** Reads until the buffer is full or the file ends; returns the bytes read. */
async function fill(handle: Awaited<ReturnType<typeof open>>, buffer: Buffer, position: number): Promise<number> {
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}

async function parseRecordText(text: string, where: () => Promise<string>): Promise<JsonRecord> {
  let value: unknown;
  try {
    value = parseExact(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const hint = /\bNaN\b|\bInfinity\b/.test(text) ? "JSON has no NaN and no Infinity." : undefined;
    throw new UserError(`${await where()}: broken JSON (${why})`, hint, { cause });
  }
  if (!isRecord(value))
    throw new UserError(`${await where()}: expected a JSON object, got ${text.trim().slice(0, 40)}`);
  return value;
}
