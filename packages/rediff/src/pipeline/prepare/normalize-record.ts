/** Records of public data sets in the one form that training reads: `image` is a name or a list of names, or not there. */
import { isRecord, type JsonRecord } from "../formats/exact-json.js";

export interface NormalRecord {
  images: string[];
  video: string | undefined;
  /** The record with these names for its media. */
  build(images: readonly string[], video: string | undefined): JsonRecord;
}

/** Null, empty texts and empty lists mean that there is none, `images` is another name for `image`, a list of one video is
 *  the video. What is not about media stays as it is. Returns what is wrong with a record that is none. */
export function normalizeRecord(value: JsonRecord): NormalRecord | string {
  const { image, images: alias, video, ...rest } = value;
  if (!Array.isArray(rest.conversations) || rest.conversations.length === 0) return "it has no conversations";
  if (!rest.conversations.every(isRecord)) return "a turn is no object";
  const names = namesIn(image ?? alias);
  if (names === undefined) return `image is ${JSON.stringify(image ?? alias).slice(0, 60)}`;
  const videos = namesIn(video);
  if (videos === undefined || videos.length > 1) return `video is ${JSON.stringify(video).slice(0, 60)}`;
  const isList = Array.isArray(image ?? alias);
  const { id, ...others } = rest;
  return {
    images: names,
    video: videos[0],
    build: (given, film) => ({
      ...(id !== undefined && { id }),
      ...(given.length > 0 && { image: isList ? given : given[0] }),
      ...(film !== undefined && { video: film }),
      ...others,
    }),
  };
}

function namesIn(value: unknown): string[] | undefined {
  if (value === undefined || value === null || value === "") return [];
  const list: unknown[] = Array.isArray(value) ? value : [value];
  return list.every((name): name is string => typeof name === "string" && name !== "") ? list : undefined;
}
