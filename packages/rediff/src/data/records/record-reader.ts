/** Reads records from their places. Each thread has a reader of its own. */

import type { FileHandle } from "node:fs/promises";
import { wideEncoding } from "../../files/likely-encoding.js";
import { fileError } from "../../files/read-errors.js";
import { openRegular } from "../../files/regular-file.js";
import { isSameText } from "../../files/stored-path.js";
import { describeNotUtf8, linesIn, notUtf8At, withoutMark } from "../../files/utf8-text.js";
import { parseShallowJson } from "../../options/shallow-json.js";
import { isPictureName } from "../../vision/picture/picture-names.js";
import { isVideoName } from "../../vision/video/video-names.js";
import { mediaOf } from "../parsing/media-keys.js";
import type { DataRecord, SampleSource } from "../samples/sample.js";
import { SampleError } from "../samples/sample-error.js";
import type { RecordPlace } from "./file-index.js";
import { type OwnMedia, parseRecord } from "./parse-record.js";
import { type ByteSource, splitMemberName, tarMembers } from "./scan-tar.js";

/** Shards and mixtures may have thousands of files; so many stay open. */
const OPEN_FILES = 64;

/** Bytes of a record's JSON, and of a shard's sample with its pictures or video: it is held in memory, parsed, and
 *  handed to other threads. */
export const LARGEST_RECORD = 64 << 20;
const LARGEST_SAMPLE = 2 ** 30;

interface OpenFile {
  readonly handle: Promise<FileHandle>;
  /** Reads under way. */
  users: number;
  /** Close it when nobody reads any more. */
  dropped: boolean;
}

/** Owns its open files: `close()` it, or `await using`. */
export class RecordReader implements AsyncDisposable {
  readonly #files = new Map<string, OpenFile>();

  /** @throws SampleError when it is broken or of the wrong form, UserError when its file cannot be read */
  async read(place: RecordPlace): Promise<DataRecord> {
    const bytes = await this.#bytes(place);
    const source = sourceOf(place);
    if (place.kind !== "tar") {
      assertUtf8(bytes);
      return parseRecord(parseJson(textOf(place, bytes)), source);
    }
    const { value, own } = readTarSample(place, bytes);
    return parseRecord(value, source, own);
  }

  async close(): Promise<void> {
    const files = [...this.#files.values()];
    this.#files.clear();
    await Promise.all(files.map(closeFile));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #bytes({ file, kind, start, end }: RecordPlace): Promise<Buffer> {
    const most = kind === "tar" ? LARGEST_SAMPLE : LARGEST_RECORD;
    if (end - start > most)
      throw new SampleError(
        "form",
        `has ${end - start} bytes; a ${kind === "tar" ? "sample" : "record"} has at most ${most}`,
      );
    const entry = this.#open(file);
    entry.users++;
    try {
      const bytes = Buffer.allocUnsafeSlow(end - start);
      const handle = await entry.handle;
      let filled = 0;
      while (filled < bytes.length) {
        const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, start + filled);
        if (bytesRead === 0) throw new SampleError("json", "the file has become shorter since it was indexed");
        filled += bytesRead;
      }
      return bytes;
    } catch (cause) {
      if (cause instanceof SampleError) throw cause;
      entry.dropped = true; // So that another try opens it anew.
      if (this.#files.get(file) === entry) this.#files.delete(file);
      throw fileError(file, cause);
    } finally {
      if (--entry.users === 0 && entry.dropped) await closeFile(entry);
    }
  }

  #open(file: string): OpenFile {
    const known = this.#files.get(file);
    if (known !== undefined) {
      // The least recently used comes first in the map.
      this.#files.delete(file);
      this.#files.set(file, known);
      return known;
    }
    for (const [other, entry] of this.#files) {
      if (this.#files.size < OPEN_FILES) break;
      if (entry.users > 0) continue;
      this.#files.delete(other);
      void closeFile(entry);
    }
    const opened: OpenFile = { handle: openRegular(file, "a data file"), users: 0, dropped: false };
    opened.handle.catch(() => undefined); // Told where it is awaited.
    this.#files.set(file, opened);
    return opened;
  }
}

async function closeFile({ handle }: OpenFile): Promise<void> {
  await handle.then((opened) => opened.close()).catch(() => undefined);
}

export function sourceOf({ file, index, line }: RecordPlace): SampleSource {
  return line === undefined ? { file, index } : { file, index, line };
}

/** The record's own text. In an array, a comma or the closing bracket follows it; where files were put together, a byte
 *  order mark may come before it. */
export function textOf({ kind }: Pick<RecordPlace, "kind">, bytes: Uint8Array): string {
  const own = kind === "json" ? bytes.subarray(0, bytes.lastIndexOf(0x7d) + 1) : bytes;
  return withoutMark(Buffer.from(own.buffer, own.byteOffset, own.byteLength).toString());
}

/** @param member of an archive; `bytes` are the whole of it */
function assertUtf8(bytes: Uint8Array, member?: string): void {
  // UTF-16 of plain English is UTF-8, with zeros.
  const at = wideEncoding(bytes) === undefined ? notUtf8At(bytes) : 0;
  if (at < 0) return;
  const { what, hint } = describeNotUtf8(bytes, at);
  const place = member === undefined ? "" : ` of ${member}:${linesIn(bytes.subarray(0, at)) + 1}`;
  throw new SampleError("encoding", `is not UTF-8 at byte ${at}${place} (${what})`, hint);
}

/** @throws SampleError */
export function parseJson(text: string): unknown {
  try {
    return parseShallowJson(text);
  } catch (cause) {
    // V8 quotes a part of the text, line ends included.
    const why = (cause instanceof Error ? cause.message : String(cause)).replace(/\s+/g, " ");
    const hint = /\bNaN\b|\bInfinity\b/.test(text) ? "JSON has no NaN and no Infinity" : undefined;
    throw new SampleError("json", `broken JSON (${why})`, hint, { cause });
  }
}

function readTarSample(place: RecordPlace, bytes: Buffer): { value: unknown; own: OwnMedia } {
  const source: ByteSource = {
    size: place.end,
    read: (offset, length) =>
      bytes.subarray(offset - place.start, Math.min(offset - place.start + length, bytes.length)),
  };
  const fields = new Map<string, { name: string; bytes: Uint8Array }>();
  let key: string | undefined;
  for (const member of tarMembers(place.file, source, place.start, place.end)) {
    const split = splitMemberName(member.name);
    if (split === undefined) continue;
    key ??= split.key;
    if (fields.has(split.field)) throw new SampleError("form", `sample ${key} has ${split.field} twice`);
    // A copy of its own, which can be handed to another thread without the rest of the sample.
    fields.set(split.field, { name: member.name, bytes: Uint8Array.from(source.read(member.offset, member.size)) });
  }
  const json = fields.get("json");
  if (json === undefined) {
    const found = [...fields.keys()].join(", ");
    throw new SampleError(
      "form",
      `sample ${key} has no json, only ${found}`,
      "A sample needs a .json beside its pictures",
    );
  }
  assertUtf8(json.bytes, json.name);
  const value = parseJson(withoutMark(Buffer.from(json.bytes).toString()));
  const pictures = [...fields].filter(([field]) => isPictureName(field));
  const [video] = [...fields].filter(([field]) => isVideoName(field)).map(([, member]) => member);
  const own: OwnMedia = { images: arrangePictures(value, pictures) };
  if (video !== undefined) own.video = video;
  return { value, own };
}

type Member = { name: string; bytes: Uint8Array };

/** In the order in which the record names them; by the number in their field where it does not. */
function arrangePictures(value: unknown, pictures: readonly [string, Member][]): Member[] {
  const byField = [...pictures]
    .sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true }))
    .map(([, member]) => member);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return byField;
  const { images, key = "image" } = mediaOf(value as Record<string, unknown>);
  if (images.length === 0) return byField;
  const names = images.map(baseName);
  if (names.length !== pictures.length) {
    throw new SampleError("form", `${key} names ${names.length} pictures, the shard holds ${pictures.length}`);
  }
  const named = names.map(
    (name) =>
      byField.find((member) => baseName(member.name) === name) ??
      byField.find((member) => isSameText(baseName(member.name), name)),
  );
  return named.every((member) => member !== undefined) && new Set(named).size === named.length ? named : byField;
}

const baseName = (path: string): string => path.slice(path.lastIndexOf("/") + 1);
