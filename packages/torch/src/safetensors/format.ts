/** What a safetensors file is made of: the names of its element types, its limits, its one kind of error.
 *
 *  Layout: 8 bytes little-endian length N, N bytes of JSON `{ name: { dtype, shape, data_offsets } }`, then the data
 *  without gaps. https://huggingface.co/docs/safetensors */
import type { DType } from "../dtype.js";

/** The format's limit on N, which keeps a hostile file from making its reader allocate. */
export const MAX_HEADER_BYTES = 100_000_000;

/** Dimensions of a tensor: libtorch's kernels go no further. */
export const MAX_RANK = 64;

/** Brackets within brackets in a header or an index: both have three at most. More makes a parser allocate. */
export const MAX_DEPTH = 16;

/** The header entry that is not a tensor but a map of strings. */
export const METADATA_KEY = "__metadata__";

const NAMES: Record<DType, string> = {
  bool: "BOOL",
  uint8: "U8",
  int8: "I8",
  uint16: "U16",
  int16: "I16",
  float16: "F16",
  bfloat16: "BF16",
  uint32: "U32",
  int32: "I32",
  float32: "F32",
  uint64: "U64",
  int64: "I64",
  float64: "F64",
  float8_e5m2: "F8_E5M2",
  float8_e4m3fn: "F8_E4M3",
};

const BY_NAME = new Map<string, DType>(Object.entries(NAMES).map(([dtype, name]) => [name, dtype as DType]));

export function dtypeName(dtype: DType): string {
  return NAMES[dtype];
}

/** undefined for the format's types that are not ours (F8_E8M0, F4, C64 ...) and for what is no type at all. */
export function dtypeFromName(name: string): DType | undefined {
  return BY_NAME.get(name);
}

export const KNOWN_NAMES: readonly string[] = [...BY_NAME.keys()];

export interface TensorInfo {
  dtype: DType;
  shape: number[];
  /** Offsets in bytes from where the data begins; `end - begin` is the tensor's size. */
  begin: number;
  end: number;
}

/** A file that is not what it should be, or that cannot be read or written: one line that names it. */
export class SafetensorsError extends Error {
  override name = "SafetensorsError";
}

/** A system error in the words of the system, without Node's repetition of code and path. */
export function systemReason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const known: Record<string, string> = {
    ENOENT: "there is no such file or folder",
    EACCES: "permission denied",
    EPERM: "permission denied",
    EROFS: "the file system is read-only",
    ENOSPC: "no space left on the disk",
    EDQUOT: "the disk quota is used up",
    EFBIG: "the file is larger than the system allows",
    EISDIR: "it is a folder",
    ENOTDIR: "a part of the path is not a folder",
    EMFILE: "too many open files",
    ENAMETOOLONG: "the name is too long",
  };
  return (code !== undefined ? known[code] : undefined) ?? message ?? String(error);
}

/** A name or value out of a file, quoted, fit for one line: files hold names of a megabyte, too. */
export function quoted(value: string): string {
  const shown = value.length > 100 ? `${value.slice(0, 97)}...` : value;
  return `"${JSON.stringify(shown).slice(1, -1).replaceAll('\\"', '"')}"`;
}

/** Of a parser, which quotes a part of the text, with its tabs and line ends. */
export function plainReason(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/[\s\p{Cc}]+/gu, " ");
}

const [QUOTE, BACKSLASH, BRACKET, BRACE] = [0x22, 0x5c, 0x5b, 0x7b];

/** Where in a JSON text brackets are nested more than `most` deep; -1 where they are not. Reads no further than it has
 *  to, and text that is no JSON as well: a parser would make an object for each of a million brackets. */
export function tooDeepAt(json: string, most: number): number {
  let depth = 0;
  for (let i = 0; i < json.length; i++) {
    const c = json.charCodeAt(i);
    if (c === QUOTE) {
      for (i++; i < json.length && json.charCodeAt(i) !== QUOTE; i++) if (json.charCodeAt(i) === BACKSLASH) i++;
    } else if (c === BRACE || c === BRACKET) {
      if (++depth > most) return i;
    } else if (c === BRACE + 2 || c === BRACKET + 2) depth--;
  }
  return -1;
}
