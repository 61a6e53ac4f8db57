/** Tar archives, plain or gzipped, also split ones. They have no directory: names are looked at as they come. */
import { once } from "node:events";
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { Parser, type ReadEntry } from "tar";
import { UserError } from "../../errors.js";
import { PartsReader } from "../formats/parts-reader.js";
import type { Archive } from "./archive.js";
import type { MemberSink } from "./member-sink.js";

/** Tables of names and sizes are small; anything larger is an attack on memory. */
const LARGEST_HEADER = 1 << 20;

export interface TarOptions {
  /** Packed bytes that were read. */
  onBytes: (bytes: number) => void;
  /** Unpacked bytes at which it stops. */
  mostBytes: number;
}

export async function unpackTar(archive: Archive, sink: MemberSink, options: TarOptions): Promise<void> {
  const reader = await PartsReader.open(archive.parts);
  try {
    const packed = counted(reader.chunks(), options.onBytes);
    const plain = archive.kind === "tar.gz" ? gunzip(packed) : packed;
    await feed(limited(plain, archive, options.mostBytes), archive, sink);
  } catch (cause) {
    if (cause instanceof UserError || (cause instanceof Error && "syscall" in cause)) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new UserError(
      `${archive.name}: cannot be unpacked (${why})`,
      "Its download may be incomplete: download it again.",
      { cause },
    );
  } finally {
    await reader.closeFiles();
  }
}

async function* counted(chunks: AsyncIterable<Buffer>, onBytes: (bytes: number) => void): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    yield chunk;
    onBytes(chunk.length);
  }
}

async function* gunzip(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const source = Readable.from(chunks, { objectMode: false });
  const plain = createGunzip({ chunkSize: 1 << 18 });
  source.on("error", (error) => plain.destroy(error));
  source.pipe(plain);
  for await (const chunk of plain) yield chunk as Buffer;
}

async function* limited(chunks: AsyncIterable<Buffer>, archive: Archive, most: number): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of chunks) {
    // The parser would unpack that as well, beyond all counting.
    if (bytes === 0 && isPacked(chunk))
      throw new UserError(`${archive.name} holds another packed archive, and no tar archive`, "Unpack it once first.");
    bytes += chunk.length;
    if (bytes > most) throw tooLarge(archive, bytes);
    yield chunk;
  }
}

const isPacked = (start: Buffer): boolean =>
  ["1f8b", "28b52ffd", "425a68"].some((magic) => start.toString("hex", 0, magic.length / 2) === magic);

export function tooLarge(archive: Archive, bytes: number): UserError {
  const times = Math.round(bytes / Math.max(1, archive.bytes));
  return new UserError(
    `${archive.name} unpacks to more than ${times} times its size: pictures do not, so it may be made to fill the disk`,
    "If it is what you expect, allow more with --max-ratio.",
  );
}

/** Gives the archive to the parser and each member to the sink, one after the other. */
async function feed(chunks: AsyncIterable<Buffer>, archive: Archive, sink: MemberSink): Promise<void> {
  const stop = new Stop();
  let members: Promise<void> = Promise.resolve();
  let hasEnd = false;
  const parser = new Parser({
    strict: true,
    maxMetaEntrySize: LARGEST_HEADER,
    onReadEntry: (entry) => {
      members = members
        .then(() => (stop.isSet ? undefined : take(entry, sink, stop)))
        .catch((error: unknown) => stop.set(error))
        // The parser waits until a member has been read.
        .finally(() => entry.resume());
    },
  });
  parser.on("error", (error) => stop.set(error));
  // The parser would give out the list of its holes as if it were the file.
  parser.on("meta", (records: string) => {
    if (records.includes(" GNU.sparse."))
      stop.set(
        new UserError(
          `${archive.name} has sparse members, with holes that stand for zeros`,
          "Pack it again without --sparse.",
        ),
      );
  });
  // A long name that was passed over would leave its member under a short one.
  parser.on("ignoredEntry", (entry: ReadEntry) => {
    if (entry.meta)
      stop.set(
        new UserError(
          `${archive.name}: a header claims ${entry.size} bytes of names and sizes; at most ${LARGEST_HEADER} are read`,
          "Do not use this archive; get it from where it was published.",
        ),
      );
  });
  parser.on("eof", () => {
    hasEnd = true;
  });
  const ended = once(parser, "end").catch((error: unknown) => stop.set(error));
  try {
    for await (const chunk of chunks) {
      if (!parser.write(chunk)) await Promise.race([once(parser, "drain"), stop.happens]);
      if (stop.isSet) break;
    }
    parser.end();
    await Promise.race([ended, stop.happens]);
    await Promise.race([members, stop.happens]);
    stop.throwIfSet();
    if (!hasEnd) throw new Error("it ends in the middle");
  } catch (error) {
    stop.set(error);
    await members; // Until the member under way has been cleared away.
    throw error;
  }
}

/** The first error, as something that can be waited for. */
class Stop {
  isSet = false;
  #error: unknown;
  #reject: (error: unknown) => void = () => undefined;
  readonly happens = new Promise<never>((_, reject) => {
    this.#reject = reject;
  });

  constructor() {
    this.happens.catch(() => undefined); // Told where it is awaited.
  }

  set(error: unknown): void {
    if (!this.isSet) this.#error = error;
    this.isSet = true;
    this.#reject(error);
  }

  /** For when what was waited for came at the same time. */
  throwIfSet(): void {
    if (this.isSet) throw this.#error;
  }
}

/** A member's bytes. One that stops coming would be waited for for ever. */
async function* contentOf(entry: ReadEntry, stop: Stop): AsyncGenerator<Uint8Array> {
  const chunks = entry[Symbol.asyncIterator]();
  for (;;) {
    const next = await Promise.race([chunks.next(), stop.happens]);
    if (next.done) return;
    yield next.value;
  }
}

async function take(entry: ReadEntry, sink: MemberSink, stop: Stop): Promise<void> {
  // The parser takes a size that is no number, or below 0, for 0.
  if (entry.header.size === undefined)
    throw new Error(`the size of its member ${entry.path.slice(0, 200)} is no number`);
  if (entry.type === "Directory") return; // An archive of a folder names the folder itself "./".
  const path = sink.pathOf(entry.path);
  if (!["File", "OldFile", "ContiguousFile"].includes(entry.type)) sink.result.special.push(entry.path);
  else await takeFile(entry, path, sink, stop);
}

async function takeFile(entry: ReadEntry, path: string, sink: MemberSink, stop: Stop): Promise<void> {
  await sink.admit(path);
  if (await sink.has(path, entry.size)) sink.result.present++;
  else await sink.write(path, entry.size, contentOf(entry, stop));
}
