/** From what a user names (`--model`) to a model folder. Nothing is downloaded unless asked for. */
import { stat } from "node:fs/promises";
import { UserError } from "../errors.js";
import { shownValue } from "../options/issue-text.js";
import { flag, optionSet } from "../options/option-set.js";
import { inspectCached } from "./hub-cache.js";
import { isModelId } from "./hub-names.js";
import { cacheDirectory } from "./hub-settings.js";
import { type PullOptions, pull, pullTypes } from "./pull.js";

export interface ResolveOptions extends PullOptions {
  /** Pull a model that is not complete in the cache; default false. */
  download?: boolean;
}

const checkResolve = optionSet<ResolveOptions>({ ...pullTypes, download: flag });

/** A folder is used as it is; a hub id stands for its complete snapshot in the cache. Throws a UserError otherwise. */
export async function resolveModel(idOrFolder: string, options: ResolveOptions = {}): Promise<string> {
  checkResolve(options);
  if (typeof idOrFolder !== "string")
    throw new UserError(`a model is a folder or a hub id, got ${shownValue(idOrFolder)}`, "Options come behind it");
  const found = await stat(idOrFolder).catch(() => undefined);
  if (found?.isDirectory()) return idOrFolder;
  if (found) {
    throw new UserError(`${idOrFolder} is a file, expected a model folder or a hub id`, "Give the folder it is in.");
  }
  if (!isModelId(idOrFolder)) {
    throw new UserError(
      `there is no folder ${idOrFolder || '""'}`,
      "Give a model folder, or a hub id like GSAI-ML/LLaDA-V.",
    );
  }
  const revision = options.revision ?? "main";
  const cacheDir = options.cacheDir ?? options.settings?.cacheDir ?? cacheDirectory();
  const cached = await inspectCached(idOrFolder, revision, cacheDir);
  if (cached?.missing.length === 0) return cached.folder;
  const { download, ...pulling } = options;
  if (download) return (await pull(idOrFolder, pulling)).folder;

  const command = `rediff pull ${idOrFolder}${revision === "main" ? "" : ` --revision ${revision}`}`;
  if (cached === undefined) {
    const named = revision === "main" ? idOrFolder : `${idOrFolder} at ${revision}`;
    throw new UserError(
      `${named} is neither a folder nor a model in the cache (${cacheDir})`,
      `If it is a model of the hub, get it with: ${command}`,
    );
  }
  throw new UserError(
    `${idOrFolder} is in the cache, but not complete: ${listed(cached.missing)} missing`,
    `Get the rest with: ${command}`,
  );
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(", ");
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown;
}
