/** What tells one checkpoint from another without reading all of it: drafts say which weights they came from, and a run
 *  that goes on must go on with the same ones. */
import { createHash, type Hash } from "node:crypto";
import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { ADAPTER_CONFIG } from "../../checkpoint/adapter/adapter-config.js";
import { locateModel } from "../../checkpoint/adapter/locate-model.js";
import { readJson } from "../../checkpoint/config.js";
import { UserError } from "../../errors.js";
import { fileError } from "../../files/read-errors.js";
import { hashPieces } from "../../files/sampled-hash.js";

/** `sha256:` and 16 hex digits, of the names, sizes and sampled content of all weight files in a model folder; of an
 *  adapter, of its base's and its own. Neither the folders' names nor their places matter.
 *  @param base of an adapter, in place of the one that it names */
export async function fingerprint(folder: string, base?: string): Promise<string> {
  const { weights, adapters } = await locateModel(folder, { base });
  const hash = createHash("sha256");
  await addFiles(hash, weights, (name) => name.endsWith(".safetensors"));
  for (const adapter of adapters) {
    await addFiles(hash, adapter, (name) => /\.(safetensors|bin)$/.test(name));
    const config = (await readJson(join(adapter, ADAPTER_CONFIG))) as Record<string, unknown>;
    hash.update(JSON.stringify({ ...config, base_model_name_or_path: undefined, revision: undefined }));
  }
  return `sha256:${hash.digest("hex").slice(0, 16)}`;
}

async function addFiles(hash: Hash, folder: string, isMeant: (name: string) => boolean): Promise<void> {
  const names = (
    await readdir(folder).catch((cause: unknown) => {
      throw fileError(folder, cause);
    })
  )
    .filter(isMeant)
    .sort();
  if (names.length === 0)
    throw new UserError(`${folder} has no weights: it has no safetensors files`, "Give a model folder.");
  for (const name of names) {
    const file = await open(join(folder, name)).catch((cause: unknown) => {
      throw fileError(join(folder, name), cause);
    });
    try {
      const { size } = await file.stat();
      hash.update(`${name}\0${size}\0`);
      hashPieces(hash, file.fd, size);
    } finally {
      await file.close();
    }
  }
}
