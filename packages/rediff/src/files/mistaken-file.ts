/** What a file is that is not what its name says: a Git LFS pointer, a web page saved in its place, an archive.
 *
 *  Readers ask when a file is not of their own format, or before they try; each knows which kinds it can read itself. */
import type { FileHandle } from "node:fs/promises";
import { UserError } from "../errors.js";
import { openRegular } from "./regular-file.js";

export type MistakenKind =
  | "git-lfs pointer"
  | "html page"
  | "xml document"
  | "error message"
  | "gzip"
  | "zip"
  | "zstd"
  | "xz"
  | "bzip2"
  | "7z"
  | "tar"
  | "parquet"
  | "arrow"
  | "sqlite"
  | "hdf5"
  | "numpy"
  | "gguf"
  | "pdf"
  | "picture"
  | "video";

export interface MistakenFile {
  kind: MistakenKind;
  /** In words, with its article: "a Git LFS pointer". */
  what: string;
  /** What to do about it. */
  hint: string;
}

/** As many bytes as are looked at. */
export const MISTAKEN_HEAD_BYTES = 1024;

const ANEW = "Download the file again";
const PAGE = `${ANEW}: from the link of the file itself, logged in where that is asked for`;
const UNPACK = "Unpack it first";

/** What the first bytes of a file say; undefined for text, JSON, safetensors and whatever else is not known. */
export function mistakenFile(head: Uint8Array): MistakenFile | undefined {
  const start = Buffer.from(head.buffer, head.byteOffset, Math.min(head.length, MISTAKEN_HEAD_BYTES));
  return mistakenText(start) ?? mistakenBinary(start);
}

function mistakenText(start: Buffer): MistakenFile | undefined {
  const text = start.toString("latin1").replace(/^\xef\xbb\xbf/, "");
  if (/^version https?:\/\/git-lfs|^version https?:\/\/hawser/.test(text)) {
    const size = /^size (\d+)$/m.exec(text)?.[1];
    const of = size === undefined ? "" : ` to a file of ${size} bytes`;
    return {
      kind: "git-lfs pointer",
      what: `a Git LFS pointer${of}`,
      hint: "Run `git lfs pull` where it was cloned, or download the file itself",
    };
  }
  const open = text.replace(/^\s*(?:<!--[\s\S]*?-->\s*)*/, "");
  if (/^<(?:!doctype\s+html|html|head|body|title|meta|script)\b/i.test(open)) {
    return { kind: "html page", what: "an HTML page", hint: PAGE };
  }
  if (/^<(?:\?xml|svg|Error>)/.test(open)) {
    const isHtml = /<html\b|<!doctype\s+html/i.test(open);
    return isHtml
      ? { kind: "html page", what: "an HTML page", hint: PAGE }
      : { kind: "xml document", what: "an XML document", hint: PAGE };
  }
  const [line = ""] = text.trimEnd().split("\n");
  const refusals =
    /^(?:Entry not found|Repository not found|Invalid username or password\.?|Access to (?:model|dataset) .* is restricted.*|(?:\d{3}:? )?(?:Not Found|Forbidden|Unauthorized|Access Denied))$/i;
  if (text.trimEnd().length === line.trimEnd().length && refusals.test(line.trimEnd())) {
    return { kind: "error message", what: `a server's message (${JSON.stringify(line.trimEnd())})`, hint: PAGE };
  }
  return undefined;
}

/** By signature. */
const signatures: readonly [bytes: string, at: number, MistakenKind, what: string, hint: string][] = [
  ["\x1f\x8b", 0, "gzip", "a gzip archive", UNPACK],
  ["PK\x03\x04", 0, "zip", "a ZIP archive", UNPACK],
  ["PK\x05\x06", 0, "zip", "an empty ZIP archive", ANEW],
  ["\x28\xb5\x2f\xfd", 0, "zstd", "a Zstandard archive", UNPACK],
  ["\xfd7zXZ\0", 0, "xz", "an xz archive", UNPACK],
  ["BZh", 0, "bzip2", "a bzip2 archive", UNPACK],
  ["7z\xbc\xaf\x27\x1c", 0, "7z", "a 7z archive", UNPACK],
  ["ustar", 257, "tar", "a tar archive", "Unpack it, or name it .tar if it is a WebDataset shard"],
  ["PAR1", 0, "parquet", "a parquet file", "Name it .parquet"],
  ["ARROW1", 0, "arrow", "an Arrow file", "Write it as parquet or JSONL"],
  ["SQLite format 3\0", 0, "sqlite", "an SQLite database", "Write its rows as JSONL"],
  ["\x89HDF\r\n\x1a\n", 0, "hdf5", "an HDF5 file", ANEW],
  ["\x93NUMPY", 0, "numpy", "a NumPy array", ANEW],
  ["GGUF", 0, "gguf", "a GGUF file", "It is for llama.cpp; take the safetensors files"],
  ["%PDF", 0, "pdf", "a PDF document", ANEW],
  ["\xff\xd8\xff", 0, "picture", "a JPEG picture", ANEW],
  ["\x89PNG\r\n\x1a\n", 0, "picture", "a PNG picture", ANEW],
  ["GIF8", 0, "picture", "a GIF picture", ANEW],
  ["WEBP", 8, "picture", "a WebP picture", ANEW],
  ["ftyp", 4, "video", "a video or an AVIF or HEIC picture", ANEW],
  ["\x1aE\xdf\xa3", 0, "video", "a video", ANEW],
];

function mistakenBinary(start: Buffer): MistakenFile | undefined {
  for (const [bytes, at, kind, what, hint] of signatures) {
    if (start.length >= at + bytes.length && start.toString("latin1", at, at + bytes.length) === bytes) {
      return { kind, what, hint };
    }
  }
  return undefined;
}

/** The error about such a file, for a reader that expected another; undefined where nothing is known of it.
 *  @param expected with its article: "a JSON array"
 *  @param except kinds that the reader takes itself, or says more about */
export function mistakenFileError(
  path: string,
  head: Uint8Array,
  expected: string,
  except: readonly MistakenKind[] = [],
): UserError | undefined {
  const mistaken = mistakenFile(head);
  if (mistaken === undefined || except.includes(mistaken.kind)) return undefined;
  return new UserError(`${path}: is ${mistaken.what}; expected ${expected}`, mistaken.hint);
}

/** Looks at the first bytes of a file. Says nothing of one that cannot be read: its reader will.
 *  @throws UserError naming what it is, as `mistakenFileError` does */
export async function assertNotMistaken(
  path: string,
  expected: string,
  except: readonly MistakenKind[] = [],
): Promise<void> {
  const handle = await openRegular(path, expected).catch(() => undefined);
  if (handle === undefined) return;
  const head = await readHead(handle).finally(() => handle.close());
  const error = head && mistakenFileError(path, head, expected, except);
  if (error !== undefined) throw error;
}

async function readHead(handle: FileHandle): Promise<Uint8Array | undefined> {
  try {
    const head = Buffer.alloc(MISTAKEN_HEAD_BYTES);
    const { bytesRead } = await handle.read(head, 0, head.length, 0);
    return head.subarray(0, bytesRead);
  } catch {
    return undefined;
  }
}
