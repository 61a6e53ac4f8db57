/** How long samples are, without opening a picture: what the sampler groups by.
 *
 *  - `words`: the reference's measure, words of all turns; negative for a sample without picture or video.
 *  - `tokens`: an estimate of the positions in the model, for batches by token budget. Text by its words and letters;
 *    pictures exactly where their number of tokens is fixed, else those of a typical picture.
 *
 *  Every record's text has to be parsed for that, once, in the order of the files. */
import { setImmediate } from "node:timers/promises";
import { parseShallowJson } from "../../options/shallow-json.js";
import { pictureLayout, type VisionGeometry, videoLayout } from "../../vision/tiles/token-layout.js";
import { mediaOf, type NamedMedia } from "../parsing/media-keys.js";
import { type RecordTurns, turnsOf } from "../parsing/record-turns.js";
import { SampleError } from "../samples/sample-error.js";
import { pictureGeometry } from "../samples/sample-media.js";
import type { Reading } from "../samples/sample-rules.js";
import { ByteWindow } from "./byte-window.js";
import { type FileIndex, placeOf } from "./file-index.js";
import { countWords } from "./python-words.js";
import type { Records } from "./record-list.js";
import { textOf } from "./record-reader.js";
import { splitMemberName, tarMembers } from "./scan-tar.js";

export interface Lengths {
  /** One per record; never 0. */
  words: Int32Array;
  /** One per record. */
  tokens: Uint32Array;
}

export interface MeasureOptions {
  /** Absent for a text-only model. */
  geometry?: VisionGeometry;
  /** Frames that a video is taken to have; default 32. */
  videoFrames?: number;
  maxLength: number;
  /** Which keys name pictures; default meant. */
  reading?: Reading;
  /** Count text-only samples as if they had a picture: both kinds share batches. */
  earlyMixText?: boolean;
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

/** A picture of no known size is taken to have this one. */
const TYPICAL_PICTURE = { width: 1024, height: 768 };
const TYPICAL_FRAMES = 32;
/** Header, end of turn, system text. */
const [TURN_TOKENS, SYSTEM_TOKENS] = [6, 60];
/** Between two rests for the rest of the process. */
const RECORDS_AT_ONCE = 2048;

/** Measures all records. One that cannot be parsed gets length 1: it will be skipped, with its reason, when it is
 *  loaded. */
export async function measureLengths(records: Records, options: MeasureOptions): Promise<Lengths> {
  const lengths: Lengths = { words: new Int32Array(records.count), tokens: new Uint32Array(records.count) };
  const cost = visualCost(options);
  let done = 0;
  let base = 0;
  for (const part of records.parts) {
    using texts = new RecordTexts(part.index);
    // A random choice is read in the order of the file.
    const order = Uint32Array.from({ length: part.count }, (_, i) => i);
    const { chosen } = part;
    if (chosen !== undefined) order.sort((a, b) => (chosen[a] ?? 0) - (chosen[b] ?? 0));
    for (const within of order) {
      const size = measure(texts.read(chosen?.[within] ?? part.first + within), cost, options.reading ?? "meant");
      const text = size.isVisual || options.earlyMixText === true ? 1 : -1;
      lengths.words[base + within] = text * Math.max(1, size.words);
      lengths.tokens[base + within] = Math.min(size.tokens, options.maxLength);
      if (++done % RECORDS_AT_ONCE !== 0) continue;
      options.onProgress?.(done, records.count);
      await setImmediate();
      options.signal?.throwIfAborted();
    }
    base += part.count;
  }
  options.onProgress?.(done, records.count);
  return lengths;
}

/** The text of one file's records, JSON only, through a window. */
class RecordTexts implements Disposable {
  readonly #index: FileIndex;
  readonly #window: ByteWindow;

  constructor(index: FileIndex) {
    this.#index = index;
    this.#window = new ByteWindow(index.file, index.kind === "tar" ? 16 << 10 : 4 << 20);
  }

  read(record: number): string {
    const place = placeOf(this.#index, record);
    if (place.kind !== "tar") return textOf(place, this.#window.read(place.start, place.end - place.start));
    for (const member of tarMembers(place.file, this.#window, place.start, place.end)) {
      if (splitMemberName(member.name)?.field !== "json") continue;
      return Buffer.from(this.#window.read(member.offset, member.size)).toString();
    }
    return "";
  }

  [Symbol.dispose](): void {
    this.#window[Symbol.dispose]();
  }
}

interface Size {
  words: number;
  tokens: number;
  isVisual: boolean;
}

interface VisualCost {
  picture: number;
  oneOfSeveral: number;
  video: number;
}

function visualCost({ geometry, videoFrames = TYPICAL_FRAMES }: MeasureOptions): VisualCost {
  if (geometry === undefined) return { picture: 0, oneOfSeveral: 0, video: 0 };
  return {
    picture: pictureLayout(TYPICAL_PICTURE, geometry).tokens,
    oneOfSeveral: pictureLayout(TYPICAL_PICTURE, pictureGeometry(geometry, 2)).tokens,
    video: videoLayout(videoFrames, geometry).tokens,
  };
}

/** Looks at turns and names only, without the care of parseRecord: a scan of millions has to be quick. */
function measure(text: string, cost: VisualCost, reading: Reading): Size {
  const size: Size = { words: 0, tokens: SYSTEM_TOKENS, isVisual: false };
  let record: unknown;
  try {
    record = parseShallowJson(text);
  } catch {
    return size;
  }
  if (typeof record !== "object" || record === null || Array.isArray(record)) return size;
  let said: RecordTurns;
  let shown: NamedMedia;
  try {
    said = turnsOf(record as Record<string, unknown>);
    shown = mediaOf(record as Record<string, unknown>);
  } catch (error) {
    if (error instanceof SampleError) return size; // told when it is loaded
    throw error;
  }
  for (const { content } of said.turns) {
    const count = countWords(content);
    size.words += count;
    size.tokens += TURN_TOKENS + estimateTokens(content, count);
  }
  const isRead = shown.key === undefined || reading === "meant";
  const pictures = isRead ? shown.images.length || said.images.length : 0;
  const hasVideo = isRead && pictures === 0 && shown.video !== undefined;
  size.isVisual = pictures > 0 || hasVideo;
  if (hasVideo) size.tokens += cost.video;
  else size.tokens += pictures > 1 ? pictures * cost.oneOfSeveral : pictures * cost.picture;
  return size;
}

/** English has about 1.3 tokens a word; code and figures about one for four characters; scripts without spaces up to
 *  one a character, told by their bytes. */
export function estimateTokens(text: string, words = countWords(text)): number {
  const extraBytes = Buffer.byteLength(text) - text.length;
  return Math.ceil(Math.max(1.3 * words, text.length / 4 + extraBytes / 3));
}
