/** What tells one checkpoint from another without reading all of it: drafts say which weights they came from, and a run
 *  that goes on must go on with the same ones. */
import { createHash } from "node:crypto";
import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../errors.js";
import { fileError } from "../../files/read-errors.js";

/** Looked at in each file: this many pieces, evenly spread, the first and the last byte among them. An update of the
 *  weights changes all of a file, so it changes some of them; 8B models take a fraction of a second. */
const PIECES = 64;
const PIECE_BYTES = 16384;

/** `sha256:` and 16 hex digits, of the names, sizes and sampled content of all weight files in a model folder. Neither
 *  the folder's name nor its place matter. */
export async function fingerprint(folder: string): Promise<string> {
  const names = (
    await readdir(folder).catch((cause: unknown) => {
      throw fileError(folder, cause);
    })
  )
    .filter((name) => name.endsWith(".safetensors"))
    .sort();
  if (names.length === 0) throw new UserError(`${folder} has no weights (*.safetensors)`, "Give a model folder.");
  const hash = createHash("sha256");
  const piece = Buffer.alloc(PIECE_BYTES);
  for (const name of names) {
    const file = await open(join(folder, name)).catch((cause: unknown) => {
      throw fileError(join(folder, name), cause);
    });
    try {
      const { size } = await file.stat();
      hash.update(`${name}\0${size}\0`);
      const starts = new Set(
        Array.from({ length: PIECES }, (_, i) => Math.floor((i * Math.max(0, size - PIECE_BYTES)) / (PIECES - 1))),
      );
      for (const start of starts) {
        const { bytesRead } = await file.read(piece, 0, PIECE_BYTES, start);
        hash.update(piece.subarray(0, bytesRead));
      }
    } finally {
      await file.close();
    }
  }
  return `sha256:${hash.digest("hex").slice(0, 16)}`;
}
