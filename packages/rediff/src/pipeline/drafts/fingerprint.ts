/** What tells one checkpoint from another without reading all of it: drafts say which weights they came from, and a run
 *  that goes on must go on with the same ones. */
import { createHash } from "node:crypto";
import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../errors.js";
import { fileError } from "../../files/read-errors.js";
import { hashPieces } from "../../files/sampled-hash.js";

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
  if (names.length === 0)
    throw new UserError(`${folder} has no weights: it has no safetensors files`, "Give a model folder.");
  const hash = createHash("sha256");
  for (const name of names) {
    const file = await open(join(folder, name)).catch((cause: unknown) => {
      throw fileError(join(folder, name), cause);
    });
    try {
      const { size } = await file.stat();
      hash.update(`${name}\0${size}\0`);
      await hashPieces(hash, file, size);
    } finally {
      await file.close();
    }
  }
  return `sha256:${hash.digest("hex").slice(0, 16)}`;
}
