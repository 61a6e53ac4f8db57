/** What was pulled before: the models in the hub's cache. */
import { readdir } from "node:fs/promises";
import { findCached } from "./hub-cache.js";
import { isModelId } from "./hub-names.js";
import { cacheDirectory } from "./hub-settings.js";

export interface PulledModel {
  /** `ORG/NAME` of the hub. */
  id: string;
  folder: string;
}

/** Those that are complete at their main branch, by name, whoever pulled them and whatever they are. An empty list where there
 *  is no cache. */
export async function pulledModels(cacheDir = cacheDirectory()): Promise<PulledModel[]> {
  const names = await readdir(cacheDir).catch(() => []);
  const found = await Promise.all(
    names.sort().map(async (name) => {
      const id = /^models--(.+)$/.exec(name)?.[1]?.replaceAll("--", "/") ?? "";
      if (!isModelId(id)) return [];
      const folder = await findCached(id, "main", cacheDir).catch(() => undefined);
      return folder === undefined ? [] : [{ id, folder }];
    }),
  );
  return found.flat();
}
