/** Packs pages as little as their formats allow, in every format that is read. */
import { brotliCompressSync, gzipSync } from "node:zlib";
import type { Compressors } from "hyparquet";

/** A frame of one segment, in blocks that are as they were. */
export function zstdFrame(content: Uint8Array, claims: { size?: bigint } = {}): Uint8Array {
  const head = Buffer.alloc(13);
  head.writeUInt32LE(0xfd2fb528);
  head[4] = 0xe0;
  head.writeBigUInt64LE(claims.size ?? BigInt(content.length), 5);
  const parts: Uint8Array[] = [head];
  const most = 2 ** 17;
  for (let at = 0; at === 0 || at < content.length; at += most) {
    const piece = content.subarray(at, at + most);
    parts.push(zstdBlock({ size: piece.length, isLast: at + most >= content.length, kind: 0 }), piece);
  }
  return new Uint8Array(Buffer.concat(parts));
}

/** The head of a block. @param block kind: 0 as it was, 1 a byte that is repeated, 2 packed */
export function zstdBlock({ size, isLast, kind }: { size: number; isLast: boolean; kind: 0 | 1 | 2 }): Uint8Array {
  const head = Buffer.alloc(3);
  head.writeUIntLE(size * 8 + kind * 2 + (isLast ? 1 : 0), 0, 3);
  return new Uint8Array(head);
}

/** One sequence: letters, and nothing that repeats. */
function lz4(content: Uint8Array): Uint8Array {
  const more: number[] = [];
  if (content.length >= 15) {
    let left = content.length - 15;
    for (; left >= 255; left -= 255) more.push(255);
    more.push(left);
  }
  return Uint8Array.from([Math.min(content.length, 15) << 4, ...more, ...content]);
}

/** For the library that writes parquet, which packs with snappy by itself. */
export const packers = {
  GZIP: (content: Uint8Array) => new Uint8Array(gzipSync(content)),
  BROTLI: (content: Uint8Array) => new Uint8Array(brotliCompressSync(content)),
  ZSTD: (content: Uint8Array) => zstdFrame(content),
  LZ4: lz4,
  LZ4_RAW: lz4,
} satisfies Compressors;
