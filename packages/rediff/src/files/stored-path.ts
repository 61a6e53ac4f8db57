/** A path as the disk spells it. macOS writes letters with accents in two code points (NFD), most others in one (NFC), and
 *  a data set that travelled has names of one form and files of the other. To most file systems these are two names. */
import { existsSync, readdirSync } from "node:fs";
import { isAbsolute, join, parse } from "node:path";

/** The path itself where something is there, else one that is the same text in another normal form. */
export function storedPath(path: string): string | undefined {
  if (existsSync(path)) return path;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII, which has one form only.
  if (/^[\x00-\x7f]*$/.test(path)) return undefined;
  for (const form of ["NFC", "NFD"]) if (existsSync(path.normalize(form))) return path.normalize(form);
  return walk(path);
}

/** Part by part: a folder's name may have another form than that of a file in it. */
function walk(path: string): string | undefined {
  const root = isAbsolute(path) ? parse(path).root : "";
  let found = root;
  for (const part of path
    .slice(root.length)
    .split(/[/\\]/)
    .filter((part) => part !== "")) {
    const exact = join(found, part);
    if (existsSync(exact)) {
      found = exact;
      continue;
    }
    const other = namesIn(found === "" ? "." : found).find((name) => isSameText(name, part));
    if (other === undefined) return undefined;
    found = join(found, other);
  }
  return found;
}

export const isSameText = (a: string, b: string): boolean => a === b || a.normalize("NFC") === b.normalize("NFC");

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return []; // no folder, or not ours to read: the caller says that the path is missing
  }
}
