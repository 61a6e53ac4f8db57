/** The pictures of a folder, by their bytes: endings are missing, new (.jfif, .apng, .heic) or wrong. What is no picture
 *  is told to whoever asks, so that nothing is passed over in silence. */

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../errors.js";
import { fileError } from "../../files/read-errors.js";
import { openRegular } from "../../files/regular-file.js";
import { describeContent, SNIFF_BYTES, sniffFormat } from "./picture-header.js";
import { isPictureName } from "./picture-names.js";

export interface FolderPictures {
  /** Names, sorted. A file that is named like a picture and is none is among them: decoding it says what is wrong. */
  pictures: string[];
  /** Files that are no pictures, but for those that systems leave everywhere. */
  leftOut: LeftOutFile[];
}

export interface LeftOutFile {
  name: string;
  /** "text", "a video", ... */
  what: string;
}

/** What file managers and cameras keep beside pictures, as hidden files do. */
const KEPT_BY_SYSTEMS = /^(?:\.|~\$|(?:thumbs\.db|ehthumbs\.db|desktop\.ini|icon\r)$)/i;

export const isKeptBySystems = (name: string): boolean => KEPT_BY_SYSTEMS.test(name);

/** Open files at a time. */
const TOGETHER = 32;

/** Those of inner folders are not taken.
 *  @throws UserError when the folder cannot be read */
export async function picturesIn(folder: string): Promise<FolderPictures> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    throw fileError(folder, cause);
  });
  const names = entries
    .filter((entry) => !entry.isDirectory() && !isKeptBySystems(entry.name))
    .map(({ name }) => name)
    .sort();
  const found: FolderPictures = { pictures: [], leftOut: [] };
  for (let first = 0; first < names.length; first += TOGETHER) {
    const some = names.slice(first, first + TOGETHER);
    const kinds = await Promise.all(some.map((name) => whatElse(join(folder, name))));
    for (const [i, name] of some.entries()) {
      const what = kinds[i];
      if (what === undefined) found.pictures.push(name);
      else if (what !== FOLDER) found.leftOut.push({ name, what });
    }
  }
  return found;
}

const FOLDER = "a folder";

/** What a file is that is no picture; undefined for a picture, and for what is named like one. */
export async function whatElse(path: string): Promise<string | undefined> {
  if (isPictureName(path)) return undefined;
  try {
    await using file = await openRegular(path, "a picture file");
    const head = new Uint8Array(SNIFF_BYTES);
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    if (bytesRead === 0) return "empty";
    return sniffFormat(head) === undefined ? describeContent(head.subarray(0, bytesRead)) : undefined;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return / is a folder; /.test(error.message) ? FOLDER : error.message.slice(path.length + 2).replace(/;.*/, "");
  }
}

/** Files that are named; the rest is counted. */
const NAMED = 5;

/** One line about files that are left out: "left out 2 files that are no pictures: notes.txt (text), ...". */
export function describeLeftOut(leftOut: readonly LeftOutFile[]): string {
  const named = leftOut.slice(0, NAMED).map(({ name, what }) => `${name} (${what})`);
  const more = leftOut.length - named.length;
  const files = leftOut.length === 1 ? "1 file that is no picture" : `${leftOut.length} files that are no pictures`;
  return `left out ${files}: ${named.join(", ")}${more > 0 ? `, and ${more} more` : ""}`;
}
