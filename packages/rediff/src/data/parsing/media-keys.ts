/** Under which key a record names its pictures or its video.
 *
 *  The originals know `image` and `video`. Data sets have others (`images`, `image_path`, `Image`, `img`, `videos`, ...),
 *  which are read where they can mean one thing only. Names that are seen and not read are returned, so that they can be
 *  told: a record that loses its pictures would be learnt as text. */
import { isPictureName } from "../../vision/picture/picture-names.js";
import { isVideoName } from "../../vision/video/video-names.js";
import { SampleError } from "../samples/sample-error.js";

export interface NamedMedia {
  images: string[];
  video?: string;
  /** As the record spells it; absent where nothing is named, and for `image` and `video` themselves. */
  key?: string;
  /** Keys whose values look like names of pictures or videos that are not read: of a record that has none, all of them; of
   *  others `image_2` and the like. */
  unread: string[];
}

type JsonObject = Readonly<Record<string, unknown>>;

/** In lower case and without `_`, `-` and blanks: `Image`, `image_paths` and `imgs` are what they seem. */
const PICTURE_KEY = /^(?:image|img|picture|photo|pic)s?(?:(?:file)?(?:path|name)|file|url|uri|src|list)?s?$/;
const VIDEO_KEY = /^(?:video|clip|movie)s?(?:(?:file)?(?:path|name)|file|url|uri|src|list)?s?$/;
const plain = (key: string): string => key.toLowerCase().replace(/[_\-\s]/g, "");
/** Say what kind of thing is named only by the name itself. */
const FILE_KEY = /^(?:file|path|media|mediafile|mediapath|filepath|filename)s?$/;

const isUrl = (name: string): boolean => /^(?:https?|s3|gs|data):/.test(name);
/** Of a URL, what comes before `?`. */
const looksLike = (name: string, isNamedSo: (name: string) => boolean): boolean =>
  isNamedSo(isUrl(name) ? name.replace(/[?#].*$/, "") : name);

/** @throws SampleError when a key's value is no name, or when two keys name different things */
export function mediaOf(record: JsonObject): NamedMedia {
  const own = { images: ownNames(record, "image"), videos: ownNames(record, "video") };
  const [images, videos] = [
    own.images.length > 0 ? { names: own.images } : otherNames(record, "image"),
    own.videos.length > 0 ? { names: own.videos } : otherNames(record, "video"),
  ];
  const [video, ...more] = videos.names;
  if (more.length > 0) {
    throw new SampleError(
      "form",
      `${videos.key ?? "video"} names ${videos.names.length} videos; a record has one`,
      "Make a record of each",
    );
  }
  const media: NamedMedia = { images: images.names, unread: [] };
  if (video !== undefined) media.video = video;
  const key = images.key ?? videos.key;
  if (key !== undefined) media.key = key;
  media.unread =
    media.images.length === 0 && video === undefined ? unreadKeys(record) : numberedKeys(record, media.images);
  return media;
}

/** `image_2` beside `image` is no other name of the same picture. */
const numberedKeys = (record: JsonObject, read: readonly string[]): string[] =>
  Object.entries(record).flatMap(([key, value]) => {
    const number = /^(.*?)[_\-\s]?\d+$/.exec(key);
    if (number?.[1] === undefined || !PICTURE_KEY.test(plain(number[1]))) return [];
    return holdsBytes(value) || namesIn(value)?.some((name) => !read.includes(name)) === true ? [key] : [];
  });

/** The value of `image` or `video`, which have to be right when they are there. */
function ownNames(record: JsonObject, key: "image" | "video"): string[] {
  const value = Object.hasOwn(record, key) ? record[key] : undefined;
  if (value === undefined || value === null) return [];
  if (value === "") throw new SampleError("form", `${key}: is empty; a record without ${key}s has no such key`);
  if (holdsBytes(value)) throw inside(key);
  const names = namesIn(value);
  if (names !== undefined) return names;
  const list = key === "image" ? " or a list of file names" : "";
  throw new SampleError("form", `${key}: expected a file name${list}, got ${shown(value)}`);
}

interface Named {
  names: string[];
  key?: string;
}

function otherNames(record: JsonObject, kind: "image" | "video"): Named {
  const [ofKind, extension] = kind === "image" ? [PICTURE_KEY, isPictureName] : [VIDEO_KEY, isVideoName];
  const found: { key: string; names: string[] }[] = [];
  for (const [key, value] of Object.entries(record)) {
    if (key === "image" || key === "video") continue;
    const isNamed = ofKind.test(plain(key));
    if (!isNamed && !FILE_KEY.test(plain(key))) continue;
    if (isNamed && holdsBytes(value)) throw inside(key);
    const names = namesIn(value);
    if (names === undefined || names.length === 0) continue;
    if (isNamed || names.every((name) => looksLike(name, extension))) found.push({ key, names });
  }
  // Where a file lies and where it once was on the web are often both there.
  const files = found.filter(({ names }) => !names.some(isUrl));
  const [best, ...rest] = (files.length > 0 ? files : found).sort((a, b) => pathLength(b.names) - pathLength(a.names));
  if (best === undefined) return { names: [] };
  const other = rest.find(({ names }) => baseNames(names) !== baseNames(best.names));
  if (other === undefined) return best;
  throw new SampleError(
    "form",
    `${best.key} names ${shown(best.names)} and ${other.key} names ${shown(other.names)}`,
    `Name what belongs to the record as ${kind}`,
  );
}

const pathLength = (names: readonly string[]): number => names.reduce((sum, name) => sum + name.length, 0);
const baseNames = (names: readonly string[]): string => names.map((name) => name.replace(/^.*[/\\]/, "")).join("\n");

/** A name, a list of names, or objects with one (`{path}`, as parquet files have them). Undefined for anything else. */
function namesIn(value: unknown): string[] | undefined {
  if (value === undefined || value === null || value === "") return [];
  const list: unknown[] = Array.isArray(value) ? value : [value];
  const names = list.map(nameIn);
  return names.every((name): name is string => name !== undefined) ? names : undefined;
}

function nameIn(value: unknown): string | undefined {
  if (typeof value === "string") return value === "" ? undefined : value;
  if (typeof value !== "object" || value === null || holdsBytes(value)) return undefined;
  const { path, file_name, filename, url, image, image_url } = value as Record<string, unknown>;
  const inner = image_url !== null && typeof image_url === "object" && "url" in image_url ? image_url.url : image_url;
  const names = [path, file_name, filename, url, image, inner].filter(
    (name) => typeof name === "string" && name !== "",
  );
  return names.length === 1 ? String(names[0]) : undefined;
}

/** The signatures of JPEG, PNG, GIF and WebP in base64. */
const isBase64Picture = (text: string): boolean => /^(?:\/9j\/|iVBORw0KGgo|R0lGOD|UklGR)/.test(text);

function holdsBytes(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(holdsBytes);
  if (typeof value === "string") return isBase64Picture(value);
  if (typeof value !== "object" || value === null || !("bytes" in value)) return false;
  return value.bytes !== null && value.bytes !== undefined;
}

const inside = (key: string): SampleError =>
  new SampleError("form", `${key} holds the file itself, not its name`, "Write it to a file, and its name here");

/** Looked into elsewhere, or about no pictures. */
const KNOWN = new Set(["conversations", "messages", "conversation", "revise", "blanks"]);

const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isNamedForMedia = (key: string): boolean => PICTURE_KEY.test(plain(key)) || VIDEO_KEY.test(plain(key));

/** Of a record without media: keys that seem to name some, in turns too. */
function unreadKeys(record: JsonObject): string[] {
  const unread: string[] = [];
  const look = (object: JsonObject, prefix: string, depth = 0): void => {
    for (const [key, value] of Object.entries(object)) {
      if (KNOWN.has(`${prefix}${key}`)) continue;
      const names = namesIn(value) ?? [];
      const isMedia = (name: string) => looksLike(name, isPictureName) || looksLike(name, isVideoName);
      // A picture's name has no line breaks and is no sentence.
      if (names.length > 0 && names.every((name) => name.length <= 1024 && !/\s{2}|\n/.test(name) && isMedia(name))) {
        unread.push(`${prefix}${key}`);
      } else if (holdsBytes(value)) unread.push(`${prefix}${key}`);
      else if (isObject(value) && depth < 2) look(value, `${prefix}${key}.`, depth + 1);
      else if (names.length === 0 && Array.isArray(value) && value.length > 0 && isNamedForMedia(key))
        unread.push(`${prefix}${key}`);
    }
  };
  look(record, "");
  for (const turns of [record.conversations, record.messages]) {
    if (!Array.isArray(turns)) continue;
    for (const [i, turn] of turns.entries()) {
      if (typeof turn !== "object" || turn === null) continue;
      const { value: _value, content: _content, ...rest } = turn as Record<string, unknown>;
      look(rest, `turn ${i + 1}'s `);
    }
  }
  return unread;
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}
