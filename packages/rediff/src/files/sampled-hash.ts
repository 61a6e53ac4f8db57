/** What a file holds, told from a part of it: pieces evenly spread, the first and the last byte among them. Files up to a
 *  mebibyte are read whole; of larger ones a fraction of a second's reading notices whatever changes all of a file, its
 *  size or its ends, and not an edit of equal length between two pieces. */
import type { Hash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";

const PIECES = 64;
const PIECE_BYTES = 16384;

/** Adds the pieces of a file to a hash.
 *  @param size of the file in bytes */
export async function hashPieces(hash: Hash, file: FileHandle, size: number): Promise<void> {
  const piece = Buffer.alloc(PIECE_BYTES);
  const starts = new Set(
    Array.from({ length: PIECES }, (_, i) => Math.floor((i * Math.max(0, size - PIECE_BYTES)) / (PIECES - 1))),
  );
  for (const start of starts) {
    const { bytesRead } = await file.read(piece, 0, PIECE_BYTES, start);
    hash.update(piece.subarray(0, bytesRead));
  }
}
