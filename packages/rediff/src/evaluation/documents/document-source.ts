/** Documents of a benchmark, one after the other: out of files, or made on the spot. */
import { createHash } from "node:crypto";
import { closeSync, openSync, statSync } from "node:fs";
import { basename } from "node:path";
import { UserError } from "../../errors.js";
import { fileError } from "../../files/read-errors.js";
import { hashPieces } from "../../files/sampled-hash.js";
import { picturesInMemory } from "../../pipeline/formats/parquet-source.js";
import { chainRecords, openRecords } from "../../pipeline/formats/record-source.js";
import type { DataFiles } from "./data-files.js";

export interface PlacedDocument {
  /** Among all of the source, from 0. */
  index: number;
  /** Its columns; pictures are bytes, or names of files. */
  document: Record<string, unknown>;
  /** `file:line`, for messages. */
  where(): Promise<string>;
}

export interface DocumentSource {
  /** What results say that it is. */
  name: string;
  /** Of its content, as far as a sample of its bytes tells. */
  fingerprint: string;
  /** The hub's commit, where the files lie in its cache. */
  revision?: string | undefined;
  /** Undefined where as many are made as are asked for. */
  count: number | undefined;
  /** Where names of pictures and videos are looked for, in this order. */
  folders: readonly string[];
  /** Can be walked through several times. */
  documents(): AsyncIterable<PlacedDocument>;
}

/** @throws UserError for a file that is none, or empty */
export async function openDocuments({ files, folders, revision }: DataFiles): Promise<DocumentSource> {
  const source = chainRecords(
    await Promise.all(files.map((file) => openRecords(file, { pictures: picturesInMemory }))),
  );
  if (source.count === 0) throw new UserError(`${source.file}: holds no documents`, "Copy or download it again.");
  return {
    name: files.map((file) => basename(file)).join(", "),
    fingerprint: contentHash(files),
    revision,
    count: source.count,
    folders,
    async *documents() {
      let index = 0;
      for await (const { value, where } of source.records()) yield { index: index++, document: value, where };
    },
  };
}

/** Names without their folders, sizes and sampled bytes: the same data set elsewhere has the same. */
function contentHash(files: readonly string[]): string {
  const hash = createHash("sha256");
  for (const file of files) {
    let descriptor: number;
    try {
      descriptor = openSync(file, "r");
    } catch (cause) {
      throw fileError(file, cause);
    }
    try {
      const { size } = statSync(file);
      hash.update(`${basename(file)}\0${size}\0`);
      hashPieces(hash, descriptor, size);
    } finally {
      closeSync(descriptor);
    }
  }
  return `sha256:${hash.digest("hex").slice(0, 16)}`;
}

/** A document to keep: without the bytes of its pictures, which are told by their number. */
export function withoutBytes(value: unknown): unknown {
  if (value instanceof Uint8Array) return { bytes: value.length };
  if (Array.isArray(value)) return value.map(withoutBytes);
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutBytes(inner)]));
}
