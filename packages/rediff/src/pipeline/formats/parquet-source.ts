/** Records of a parquet file, row group by row group.
 *
 *  Pictures inside (Hugging Face's `image: {bytes, path}`, also lists of them, or plain bytes) become files, and the
 *  record names them. Files that this project wrote come back as they were; in others whole numbers become numbers,
 *  times ISO texts, and NaN null. */

import { isUtf8 } from "node:buffer";
import {
  type AsyncBuffer,
  type FileMetaData,
  type ParquetParsers,
  parquetMetadataAsync,
  parquetReadObjects,
  type RowGroup,
} from "hyparquet";
import { UserError } from "../../errors.js";
import { assertNotMistaken } from "../../files/mistaken-file.js";
import { openRegular } from "../../files/regular-file.js";
import { notUtf8, notUtf8At } from "../../files/utf8-text.js";
import { parseShallowJson } from "../../options/shallow-json.js";
import { isRecord, type JsonRecord } from "./exact-json.js";
import { checkColumn, checkFooter, checkMetadata, columnRange, footerLength } from "./parquet-bounds.js";
import { type Columns, columnsSchema, fromRow, METADATA_KEY } from "./parquet-columns.js";
import { compressors } from "./parquet-compressors.js";
import type { RecordSource, SourceRecord } from "./record-stream.js";

/** Where pictures that are in the file go, and what stands for them in the record: a `PictureFolder` gives their names. */
export interface PictureSink {
  put(bytes: Uint8Array, name: string | undefined, stem: string): Promise<unknown>;
}

/** The record has the bytes themselves. */
export const picturesInMemory: PictureSink = { put: async (bytes) => bytes };

export interface ParquetOptions {
  pictures?: PictureSink | undefined;
}

/** A text that is not UTF-8: stands in its row until the row is read, which can say where it is. */
class NotText {
  constructor(readonly bytes: Uint8Array) {}
}

/** hyparquet's own decoder drops a byte order mark at the start of a text, and replaces what is not UTF-8. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const asText = <Value>(bytes: Uint8Array | undefined, read: (text: string) => Value) =>
  bytes && (isUtf8(bytes) ? read(decoder.decode(bytes)) : new NotText(Uint8Array.from(bytes)));
const parsers: Partial<ParquetParsers> = {
  stringFromBytes: (bytes: Uint8Array | undefined) => asText(bytes, (text) => text),
  jsonFromBytes: (bytes: Uint8Array | undefined): unknown => asText(bytes, (text): unknown => JSON.parse(text)),
};

export async function openParquet(file: string, { pictures }: ParquetOptions = {}): Promise<RecordSource> {
  await assertNotMistaken(file, "a parquet file", ["parquet"]);
  const metadata = await withFile(file, readMetadata);
  const columns = ownColumns(metadata, file);
  return { file, count: Number(metadata.num_rows), records };

  async function* records(): AsyncGenerator<SourceRecord> {
    let rowStart = 0;
    for (const group of metadata.row_groups) {
      const rowEnd = rowStart + Number(group.num_rows);
      const range = { rowStart, rowEnd };
      await withFile(file, (buffer) => checkGroup(buffer, metadata, group));
      const rows = await withFile(file, (buffer) =>
        // Without utf8: false the bytes of pictures would be decoded as text.
        parquetReadObjects({ file: buffer, metadata, ...range, utf8: false, compressors, parsers, geoparquet: false }),
      );
      for (const [i, row] of rows.entries()) {
        const index = rowStart + i;
        const place = `${file}: row ${index}`;
        const plain = await plainRow(row, index, place);
        const value = columns === undefined ? plain : ownRecord(columns, plain, place);
        yield { value, file, index, where: async () => place };
      }
      rowStart = rowEnd;
    }
  }

  async function plainRow(row: Record<string, unknown>, index: number, place: string): Promise<JsonRecord> {
    const entries: [string, unknown][] = [];
    for (const [name, value] of Object.entries(row))
      entries.push([name, await plain(value, { place: `${place}, column ${name}`, stem: stemOf(index, name) })]);
    return Object.fromEntries(entries);
  }

  async function plain(value: unknown, at: { place: string; stem: string }): Promise<unknown> {
    if (value === null || value === undefined) return null;
    if (typeof value === "bigint") return smallEnough(value, at.place);
    if (typeof value === "number") return Number.isFinite(value) ? value : null;
    if (value instanceof Date) return value.toISOString();
    if (value instanceof Uint8Array) return savePicture(value, undefined, at);
    if (value instanceof NotText) throw notUtf8(at.place, { bytes: value.bytes, at: notUtf8At(value.bytes) });
    if (Array.isArray(value)) {
      const list: unknown[] = [];
      for (const [i, element] of value.entries()) list.push(await plain(element, { ...at, stem: `${at.stem}-${i}` }));
      return list;
    }
    if (!isRecord(value)) return value;
    const keys = Object.keys(value);
    if (keys.length === 2 && keys.includes("bytes") && keys.includes("path")) return picture(value, at);
    const entries: [string, unknown][] = [];
    for (const key of keys) entries.push([key, await plain(value[key], { ...at, stem: `${at.stem}-${key}` })]);
    return Object.fromEntries(entries);
  }

  /** No picture at all, a name whose file lies elsewhere, or the picture itself. */
  async function picture({ bytes, path }: JsonRecord, at: { place: string; stem: string }): Promise<unknown> {
    const name = typeof path === "string" && path !== "" ? path : undefined;
    return bytes instanceof Uint8Array ? savePicture(bytes, name, at) : (name ?? null);
  }

  async function savePicture(
    bytes: Uint8Array,
    name: string | undefined,
    { place, stem }: { place: string; stem: string },
  ): Promise<unknown> {
    if (pictures === undefined)
      throw new UserError(`${place} holds a picture`, "Say with --images DIR where the pictures go.");
    return pictures.put(bytes, name, stem);
  }
}

async function readMetadata(buffer: AsyncBuffer): Promise<FileMetaData> {
  const size = buffer.byteLength;
  const tail = new Uint8Array(await buffer.slice(Math.max(0, size - 8)));
  const length = footerLength(tail, size);
  checkFooter(new Uint8Array(await buffer.slice(size - 8 - length, size - 8)));
  const metadata = await parquetMetadataAsync(buffer, { geoparquet: false });
  checkMetadata(metadata, size);
  return metadata;
}

async function checkGroup(buffer: AsyncBuffer, metadata: FileMetaData, { columns }: RowGroup): Promise<void> {
  for (const { meta_data: column } of columns) {
    if (column === undefined) continue;
    const { start, end } = columnRange(column);
    checkColumn(metadata, column, new Uint8Array(await buffer.slice(start, end)));
  }
}

const stemOf = (index: number, column: string): string => {
  const number = String(index).padStart(8, "0");
  return column === "image" || column === "images" ? number : `${number}-${column}`;
};

function smallEnough(value: bigint, place: string): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw new UserError(`${place}: ${value} has more digits than JSON readers keep`, "Turn the column into text first.");
}

function parsedOr<Other>(text: string, other: Other): unknown {
  try {
    return parseShallowJson(text);
  } catch {
    return other;
  }
}

/** What a file of this project notes about its columns; undefined in others. */
function ownColumns(metadata: FileMetaData, file: string): Columns | undefined {
  const text = metadata.key_value_metadata?.find(({ key }) => key === METADATA_KEY)?.value;
  if (text === undefined) return undefined;
  const { success, data } = columnsSchema.safeParse(parsedOr(text, undefined));
  if (!success)
    throw new UserError(`${file}: was written by another version of rediff`, "Convert it with that version.");
  return { columns: data.columns, rest: data.rest };
}

function ownRecord(columns: Columns, row: JsonRecord, place: string): JsonRecord {
  try {
    return fromRow(columns, row);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new UserError(`${place}: ${cause.message}`, "Convert the records again.", { cause });
  }
}

/** The library's own errors are those of the language, where something is not what it should be. */
function reason(cause: unknown): string {
  if (cause instanceof RangeError || cause instanceof TypeError) return "it is damaged";
  return (cause instanceof Error ? cause.message : String(cause)).replace(/\s+/g, " ").slice(0, 300);
}

/** Opens the file for one call, so that nothing stays open when a caller stops in the middle. */
async function withFile<Result>(file: string, use: (buffer: AsyncBuffer) => Promise<Result>): Promise<Result> {
  const handle = await openRegular(file, "a parquet file");
  try {
    const { size } = await handle.stat();
    return await use({
      byteLength: size,
      slice: async (start, end = size) => {
        if (!(start >= 0 && end <= size)) throw new Error(`it claims bytes ${start} to ${end} of ${size}`);
        const bytes = new Uint8Array(Math.max(0, end - start));
        for (let done = 0; done < bytes.length; ) {
          const { bytesRead } = await handle.read(bytes, done, bytes.length - done, start + done);
          if (bytesRead === 0) throw new Error(`ends at byte ${start + done}`);
          done += bytesRead;
        }
        return bytes.buffer;
      },
    });
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    const why = reason(cause);
    throw new UserError(`${file}: cannot be read as parquet (${why})`, "Copy or download it again.", { cause });
  } finally {
    await handle.close();
  }
}
