/** From what a task calls its pictures to pictures: bytes of a column, or a file that a column or the task names. */
import { join, resolve, sep } from "node:path";
import { UserError } from "../../errors.js";
import { infoOf } from "../../files/regular-file.js";
import type { VisualSource } from "../../inference/request.js";
import { isVideoName } from "../../vision/video/video-names.js";

export interface Shown {
  sources: VisualSource[];
  /** It is a single video, which is asked about like a picture and cut otherwise. */
  video: string | undefined;
}

/** @param names columns (`image`, `image_list[0]`), or files of videos
 *  @throws UserError naming the column that has none, or the file that is not there */
export function picturesOf(
  names: readonly string[],
  document: Readonly<Record<string, unknown>>,
  folders: readonly string[],
): Shown {
  const sources = names.map((name) => sourceOf(name, document, folders));
  const [only] = sources;
  const video = sources.length === 1 && typeof only === "string" && isVideoName(only) ? only : undefined;
  return { sources, video };
}

function sourceOf(name: string, document: Readonly<Record<string, unknown>>, folders: readonly string[]): VisualSource {
  const [, column = name, place] = /^(.*?)(?:\[(\d+)\])?$/.exec(name) ?? [];
  if (!Object.hasOwn(document, column)) {
    if (isVideoName(name)) return fileNamed(name, folders);
    throw new UserError(`there is no column ${column}`, "Give the data set that the task names.");
  }
  const value = document[column];
  const picture = place === undefined ? only(value) : Array.isArray(value) ? value[Number(place)] : undefined;
  return pictureIn(picture, name, folders);
}

/** Some data sets have lists of one picture. */
const only = (value: unknown): unknown => (Array.isArray(value) && value.length === 1 ? value[0] : value);

function pictureIn(value: unknown, name: string, folders: readonly string[]): VisualSource {
  if (value instanceof Uint8Array) return value;
  if (typeof value === "object" && value !== null) {
    if ("bytes" in value && typeof value.bytes === "string") return Buffer.from(value.bytes, "base64");
    if ("path" in value) return pictureIn(value.path, name, folders);
  }
  if (typeof value === "string" && value.startsWith("data:")) return ofDataUrl(value, name);
  if (typeof value === "string" && value !== "") return fileNamed(value, folders);
  throw new UserError(`column ${name} has no picture`, "Give the data set with its pictures.");
}

function ofDataUrl(url: string, name: string): Uint8Array {
  const [, data] = /^data:[^,]*;base64,(.*)$/s.exec(url) ?? [];
  if (data === undefined) throw new UserError(`column ${name} has a data URL that is not base64`);
  return Buffer.from(data, "base64");
}

/** Names come with the data: they stay in its folders. */
function fileNamed(name: string, folders: readonly string[]): string {
  for (const folder of folders) {
    const path = resolve(join(folder, name));
    const isInside = path.startsWith(`${resolve(folder)}${sep}`);
    if (isInside && infoOf(path) !== undefined) return path;
  }
  throw new UserError(`${name} is not there`, `It was looked for in ${[...new Set(folders)].join(", ")}.`);
}
