/** Records of public data sets in the one form that training reads: `image` is a name or a list of names, or not there. */
import { mediaOf, type NamedMedia } from "../../data/parsing/media-keys.js";
import { turnsKey } from "../../data/parsing/record-turns.js";
import { SampleError } from "../../data/samples/sample-error.js";
import { isRecord, type JsonRecord } from "../formats/exact-json.js";

export interface NormalRecord {
  images: string[];
  video: string | undefined;
  /** The record with these names for its media. */
  build(images: readonly string[], video: string | undefined): JsonRecord;
}

/** Null, empty texts and empty lists mean that there is none; pictures and videos under other keys get ours; a list of one
 *  video is the video. What is not about media stays as it is. Returns what is wrong with a record that is none. */
export function normalizeRecord(value: JsonRecord): NormalRecord | string {
  const key = turnsKey(value);
  const turns = key && value[key];
  if (!Array.isArray(turns) || turns.length === 0) return "it has no conversations";
  if (!turns.every(isRecord)) return "a turn is no object";
  const { image, video, id, ...rest } = value;
  const given = { ...rest, ...(image !== "" && { image }), ...(video !== "" && { video }) };
  let media: NamedMedia;
  try {
    media = mediaOf(given);
  } catch (error) {
    if (error instanceof SampleError) return error.line;
    throw error;
  }
  const { images, key: named } = media;
  const isList = Array.isArray(media.video === undefined && named !== undefined ? value[named] : image);
  const others = Object.fromEntries(Object.entries(rest).filter(([other]) => other !== named));
  return {
    images,
    video: media.video,
    build: (names, film) => ({
      ...(id !== undefined && { id }),
      ...(names.length > 0 && { image: isList ? names : names[0] }),
      ...(film !== undefined && { video: film }),
      ...others,
    }),
  };
}
