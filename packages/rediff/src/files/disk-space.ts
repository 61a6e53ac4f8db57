import { existsSync, statfsSync } from "node:fs";
import { dirname, resolve } from "node:path";

/** Bytes that are free on the disk of a place that need not be there yet; undefined where the system does not tell. */
export function freeBytes(path: string): number | undefined {
  let place = resolve(path);
  while (!existsSync(place) && dirname(place) !== place) place = dirname(place);
  try {
    const { bavail, bsize } = statfsSync(place);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}
