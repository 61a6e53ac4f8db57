/** Zip archives, also split ones. All names and sizes are looked at before anything is written; checksums are checked. */
import { existsSync } from "node:fs";
import { crc32 } from "node:zlib";
import { type Entry, fromRandomAccessReaderPromise, type ZipFile } from "yauzl";
import { UserError } from "../../errors.js";
import { PartsReader } from "../formats/parts-reader.js";
import type { Archive } from "./archive.js";
import type { MemberSink } from "./member-sink.js";

export interface ZipContent {
  files: number;
  /** Unpacked. */
  bytes: number;
  /** Of these, what is not there yet. */
  missingBytes: number;
}

/** What is in it, by its directory. @throws UserError for bad names and for archives that are cut off */
export async function inspectZip(archive: Archive, sink: MemberSink): Promise<ZipContent> {
  return withZip(archive, async (zip) => {
    const content: ZipContent = { files: 0, bytes: 0, missingBytes: 0 };
    const isNew = !existsSync(sink.folder);
    for await (const entry of zip.eachEntry()) {
      if (entry.fileName.endsWith("/")) continue;
      const path = sink.pathOf(entry.fileName);
      content.files++;
      content.bytes += entry.uncompressedSize;
      if (isNew || !(await sink.has(path, entry.uncompressedSize))) content.missingBytes += entry.uncompressedSize;
    }
    return content;
  });
}

/** @param onBytes packed bytes that were dealt with */
export async function unpackZip(archive: Archive, sink: MemberSink, onBytes: (bytes: number) => void): Promise<void> {
  await withZip(archive, async (zip) => {
    for await (const entry of zip.eachEntry()) {
      const name = entry.fileName;
      if (!name.endsWith("/")) {
        const path = sink.pathOf(name);
        if (!isFile(entry)) sink.result.special.push(name);
        else await takeFile(zip, entry, path, { archive, sink });
      }
      onBytes(entry.compressedSize);
    }
  });
}

async function takeFile(
  zip: ZipFile,
  entry: Entry,
  path: string,
  { archive, sink }: { archive: Archive; sink: MemberSink },
): Promise<void> {
  await sink.admit(path);
  if (await sink.has(path, entry.uncompressedSize)) sink.result.present++;
  else await sink.write(path, entry.uncompressedSize, checked(zip, entry, archive.name));
}

/** The mode that Unix tools put beside a name: links and devices have others. Without one it is a file. */
function isFile(entry: Entry): boolean {
  const kind = (entry.externalFileAttributes >>> 16) & 0o170000;
  return kind === 0 || kind === 0o100000;
}

async function* checked(zip: ZipFile, entry: Entry, archive: string): AsyncGenerator<Uint8Array> {
  if (entry.isEncrypted())
    throw new UserError(`${archive}: ${entry.fileName.slice(0, 200)} is encrypted`, "Unpack it by other means.");
  let sum = 0;
  for await (const chunk of await zip.openReadStreamPromise(entry)) {
    sum = crc32(chunk as Buffer, sum);
    yield chunk as Buffer;
  }
  if (sum !== entry.crc32)
    throw new UserError(`${archive}: the checksum of ${entry.fileName} is wrong`, "Download the archive again.");
}

async function withZip<Result>(archive: Archive, use: (zip: ZipFile) => Promise<Result>): Promise<Result> {
  const reader = await PartsReader.open(archive.parts);
  try {
    const options = { lazyEntries: true, autoClose: false, strictFileNames: true };
    return await use(await fromRandomAccessReaderPromise(reader, reader.size, options));
  } catch (cause) {
    if (cause instanceof UserError || (cause instanceof Error && "syscall" in cause)) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new UserError(`${archive.name}: cannot be unpacked (${why})`, zipHint(why), { cause });
  } finally {
    await reader.closeFiles();
  }
}

const zipHint = (why: string): string => {
  if (/multi-disk|Multi-disk/.test(why)) return "Join its .z01, .z02, ... parts first: zip -s 0 IN.zip --out WHOLE.zip";
  if (/relative path|absolute path|invalid characters/.test(why))
    return "Do not use this archive; get it from where it was published.";
  return "Its download may be incomplete: download it again.";
};
