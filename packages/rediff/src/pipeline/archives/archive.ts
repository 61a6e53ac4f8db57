/** Archives in a folder: whole files, and files that were split into parts. */

import { stat } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../errors.js";
import { mistakenFileError } from "../../files/mistaken-file.js";
import { fileError } from "../../files/read-errors.js";
import { openRegular } from "../../files/regular-file.js";
import { describeContent, SNIFF_BYTES } from "../../vision/picture/picture-header.js";

export type ArchiveKind = "zip" | "tar" | "tar.gz";

export interface Archive {
  /** Path in the folder, without what its parts are called by. */
  name: string;
  kind: ArchiveKind;
  /** Absolute paths, in order; one where it is not split. */
  parts: readonly string[];
  bytes: number;
  /** When it was last changed, in milliseconds. */
  modified: number;
}

const WHOLE = /\.(?:zip|tar|tar\.gz|tgz)$/i;
/** images.zip.001, images.zip.part-aa, images.tar.gz.aa, images.tar.gz_00 */
const PART = /^(.+\.(?:zip|tar|tar\.gz|tgz))[._-](?:part[._-]?)?([a-z]{2,3}|\d{1,5})$/i;

/** The archives among the names, in order of their names; parts come together. A whole archive counts before its parts.
 *  @throws UserError when a part is missing in between */
export function groupArchives(names: readonly string[]): { name: string; parts: string[] }[] {
  const groups = new Map<string, { suffix: string; name: string }[]>();
  for (const name of names) {
    const match = WHOLE.test(name) ? null : PART.exec(name);
    if (match?.[1] === undefined || match[2] === undefined) continue;
    const parts = groups.get(match[1]) ?? [];
    parts.push({ suffix: match[2], name });
    groups.set(match[1], parts);
  }
  const whole = names.filter((name) => WHOLE.test(name));
  const split = [...groups].filter(([name]) => !whole.includes(name));
  return [
    ...whole.map((name) => ({ name, parts: [name] })),
    ...split.map(([name, parts]) => ({ name, parts: inOrder(name, parts) })),
  ].sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
}

function inOrder(name: string, parts: { suffix: string; name: string }[]): string[] {
  const numbered = parts.map((part) => ({ ...part, place: placeOf(part.suffix) })).sort((a, b) => a.place - b.place);
  const first = numbered[0]?.place ?? 0;
  const gap = numbered.findIndex(({ place }, i) => place !== first + i);
  const before = gap > 0 ? numbered[gap - 1]?.name : undefined;
  // Numbers begin with 0 or 1, letters with aa.
  const latestFirst = /^\d/.test(numbered[0]?.suffix ?? "") ? 1 : 0;
  if (first > latestFirst || gap >= 0)
    throw new UserError(
      `${name} is split, and ${before === undefined ? "its first part" : `the part after ${before}`} is missing or there twice`,
      "Download that part.",
    );
  return numbered.map((part) => part.name);
}

/** aa, ab, ... as 0, 1, ... */
function placeOf(suffix: string): number {
  if (/^\d+$/.test(suffix)) return Number(suffix);
  return [...suffix.toLowerCase()].reduce((sum, letter) => sum * 26 + letter.charCodeAt(0) - 97, 0);
}

/** Looks at sizes and first bytes. @throws UserError when it is no archive, whatever its name says */
export async function openArchive(
  folder: string,
  { name, parts }: { name: string; parts: string[] },
): Promise<Archive> {
  const paths = parts.map((part) => join(folder, part));
  const infos = await Promise.all(
    paths.map((path) =>
      stat(path).catch((cause: unknown) => {
        throw fileError(path, cause);
      }),
    ),
  );
  return {
    name,
    kind: await kindOf(paths[0] ?? "", name),
    parts: paths,
    bytes: infos.reduce((sum, { size }) => sum + size, 0),
    modified: Math.max(...infos.map(({ mtimeMs }) => Math.round(mtimeMs))),
  };
}

async function kindOf(path: string, name: string): Promise<ArchiveKind> {
  const head = await readHead(path);
  if (head[0] === 0x50 && head[1] === 0x4b) return "zip";
  if (head[0] === 0x1f && head[1] === 0x8b) return "tar.gz";
  if (head.length >= 512 && head.toString("latin1", 257, 262) === "ustar") return "tar";
  const mistaken = mistakenFileError(name, head, "an archive");
  if (mistaken !== undefined) throw mistaken;
  const empty = head.length === 0;
  throw new UserError(
    `${name}: expected an archive, found ${empty ? "an empty file" : describeContent(head.subarray(0, SNIFF_BYTES))}`,
    "Download it again.",
  );
}

async function readHead(path: string): Promise<Buffer> {
  const handle = await openRegular(path, "an archive");
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(512), 0, 512, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
