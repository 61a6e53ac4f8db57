/** How the names in records lead to files that were unpacked. Archives and records of one data set are not always made by
 *  the same hand: there may be a folder more on one side ("images/coco/1.jpg" and "coco/1.jpg"). */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { storedPath } from "../../files/stored-path.js";
import { memberPath } from "./member-path.js";

export interface Naming {
  /** For people; undefined when names are taken as they are. */
  note: string | undefined;
  apply(name: string): string;
}

const asTheyAre: Naming = { note: undefined, apply: (name) => name };

/** More folders than this are no wrapper around pictures, but the pictures' own. */
const MOST_WRAPPERS = 40;

/** The naming under which most of the names are files below the folder. @param names some of the records' names */
export function findNaming(folder: string, names: readonly string[]): Naming {
  const candidates = [asTheyAre, withoutFirst, ...wrappers(folder)];
  const hits = candidates.map((naming) => names.filter((name) => isThere(folder, naming.apply(name))).length);
  const best = Math.max(0, ...hits);
  return candidates[hits.indexOf(best)] ?? asTheyAre;
}

const withoutFirst: Naming = {
  note: "names lose their first folder",
  apply: (name) => name.replace(/^[^/]+\//, ""),
};

function wrappers(folder: string): Naming[] {
  if (!existsSync(folder)) return [];
  const inside = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  if (inside.length > MOST_WRAPPERS) return [];
  return inside.map(({ name }) => ({ note: `names get ${name}/ before them`, apply: (own) => `${name}/${own}` }));
}

/** Names that would leave the folder are never there. */
export function isThere(folder: string, name: string): boolean {
  const path = memberPath(name);
  return typeof path === "string" && storedPath(join(folder, path)) !== undefined;
}
