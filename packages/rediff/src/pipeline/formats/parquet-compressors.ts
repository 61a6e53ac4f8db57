/** Pages unpacked to the size that they claim and no further, in time that goes with it. What the library's decoders lack of
 *  that (gzip and brotli go on to the end, zstd makes whatever comes) others do here. */
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { Decompress } from "fzstd";
import type { CompressionCodec, Compressors } from "hyparquet";
import { compressors as library } from "hyparquet-compressors";
import { withinTime } from "../../text/bounds/within-time.js";
import { assertZstdWindows } from "./zstd-frames.js";

/** Milliseconds for a page, and for each of its bytes: tens of times what they take. */
const PAGE_MS = 500;
const BYTE_MS = 1 / 5000;

export const compressors: Compressors = {
  SNAPPY: (page, size) => library.SNAPPY?.(page, size) ?? unread("SNAPPY"),
  GZIP: (page, size) => native(gunzipSync, page, size),
  BROTLI: (page, size) => native(brotliDecompressSync, page, size),
  ZSTD: (page, size) =>
    withinTime(
      Math.ceil(PAGE_MS + size * BYTE_MS),
      () => unpackZstd(page, size),
      () => new Error(`a page of ${page.length} bytes takes too long to unpack`),
    ),
  // Nothing, such as a dictionary for nothing but nulls, is a byte, over which the library stumbles.
  LZ4: (page, size) => (size === 0 ? new Uint8Array() : (library.LZ4?.(page, size) ?? unread("LZ4"))),
  LZ4_RAW: (page, size) => (size === 0 ? new Uint8Array() : (library.LZ4_RAW?.(page, size) ?? unread("LZ4_RAW"))),
};

/** @throws Error when the page is not of the size that it claims, or packed in a way that is not read */
export function unpackPage(codec: CompressionCodec | undefined, page: Uint8Array, size: number): Uint8Array {
  if (codec === undefined) throw unread("an unknown method");
  const unpacked = codec === "UNCOMPRESSED" ? page : (compressors[codec]?.(page, size) ?? unread(codec));
  if (unpacked.length !== size) throw new Error(`a page claims ${size} bytes and has ${unpacked.length}`);
  return unpacked;
}

function unread(codec: string): never {
  throw new Error(`a page is packed with ${codec}, which is not read; snappy, gzip, brotli, zstd and lz4 are`);
}

function native(
  unpack: (page: Uint8Array, options: { maxOutputLength: number }) => Buffer,
  page: Uint8Array,
  size: number,
): Uint8Array {
  try {
    return unpack(page, { maxOutputLength: Math.max(size, 1) });
  } catch (error) {
    if (error instanceof RangeError) throw new Error(`a page unpacks to more than the ${size} bytes that it claims`);
    throw error;
  }
}

function unpackZstd(page: Uint8Array, size: number): Uint8Array {
  assertZstdWindows(page, size);
  const unpacked = new Uint8Array(size);
  let at = 0;
  const stream = new Decompress((piece) => {
    if (at + piece.length > size) throw new Error(`a page unpacks to more than the ${size} bytes that it claims`);
    unpacked.set(piece, at);
    at += piece.length;
  });
  stream.push(page, true);
  return unpacked.subarray(0, at);
}
