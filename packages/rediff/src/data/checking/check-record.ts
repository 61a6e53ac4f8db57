/** Everything that is wrong with one record, for `rediff data check`: unlike training, which stops at the first. */

import { stat } from "node:fs/promises";
import { readPictureSize } from "../../vision/picture/picture-size.js";
import type { Size } from "../../vision/tiles/anyres.js";
import { pictureLayout, type VisionGeometry, videoLayout, visualRows } from "../../vision/tiles/token-layout.js";
import { FOLDER_FPS, sampleFolder, sampleFrames, type VideoSampling } from "../../vision/video/frame-sampling.js";
import { frameFiles, probeFile } from "../../vision/video/load-video.js";
import type { RecordNote } from "../parsing/record-notes.js";
import type { RecordPlace } from "../records/file-index.js";
import { type RecordReader, sourceOf } from "../records/record-reader.js";
import { assertAnswerFits, assertPairUsed, labelRecord, type SampleContext } from "../samples/build-sample.js";
import type { PairOutcome } from "../samples/revised-phrases.js";
import type { DataRecord, Media, SampleSource } from "../samples/sample.js";
import { SampleError, type Skip, toSkip } from "../samples/sample-error.js";
import { findPicture, findVideo, loadMedia, type MediaSettings, pictureGeometry } from "../samples/sample-media.js";
import type { VideoTimes } from "../samples/time-instruction.js";
import { understand } from "../samples/understood-record.js";

export interface CheckMode {
  /** Decode every picture and video, as training does; otherwise their headers are read. */
  decode: boolean;
}

export interface RecordFindings {
  source: SampleSource;
  /** Absent when the record could not be parsed. */
  modality?: "image" | "video" | "text";
  /** Any of these makes training skip the record. */
  problems: Skip[];
  /** How it was understood, where that is worth telling. */
  notes: RecordNote[];
  /** Positions of the sample in the sequence before cutting, pictures expanded; absent when it has problems. */
  positions?: number;
  pictures: number;
  /** It is a form with blanks to fill in. */
  isForm: boolean;
  pairs: Record<PairOutcome, number>;
}

/** What a record shows: positions that each visual takes; of a video its times. */
interface Seen {
  positions: number[];
  video?: VideoTimes;
}

/** Rejects only when aborted. */
export async function checkRecord(
  place: RecordPlace,
  reader: RecordReader,
  context: SampleContext,
  mode: CheckMode,
  signal?: AbortSignal,
): Promise<RecordFindings> {
  const findings: RecordFindings = {
    source: sourceOf(place),
    problems: [],
    notes: [],
    pictures: 0,
    isForm: false,
    pairs: { found: 0, length_differs: 0, not_found: 0 },
  };
  const attempt = async <Result>(work: () => Result | Promise<Result>): Promise<Result | undefined> => {
    try {
      return await work();
    } catch (error) {
      signal?.throwIfAborted();
      findings.problems.push(toSkip(error, findings.source));
      return undefined;
    }
  };

  const parsed = await attempt(() => reader.read(place));
  if (parsed === undefined) return findings;
  findings.source = parsed.source;
  const record = await attempt(() => understand(parsed, context.settings));
  if (record === undefined) return findings;
  findings.notes = record.notes;
  findings.pictures = record.images.length;
  findings.isForm = record.blanks !== undefined;
  findings.modality = record.video !== undefined ? "video" : record.images.length > 0 ? "image" : "text";

  const { media } = context.settings;
  const seen = await see(record, media, mode, attempt, signal);
  const labelled = await attempt(() => labelRecord(record, context, seen?.video));
  if (labelled !== undefined) {
    for (const outcome of labelled.outcomes) findings.pairs[outcome]++;
    await attempt(() => assertPairUsed(labelled, context));
  }
  if (labelled === undefined || seen === undefined || findings.problems.length > 0) return findings;
  const positions = await attempt(() => assertAnswerFits(labelled, context, (i) => seen.positions[i] ?? 1));
  if (positions !== undefined) findings.positions = positions;
  return findings;
}

type Attempt = <Result>(work: () => Result | Promise<Result>) => Promise<Result | undefined>;

/** Undefined when something is missing or unreadable. */
async function see(
  record: DataRecord,
  media: MediaSettings | undefined,
  mode: CheckMode,
  attempt: Attempt,
  signal?: AbortSignal,
): Promise<Seen | undefined> {
  if (record.images.length === 0 && record.video === undefined) return { positions: [] };
  return attempt(async (): Promise<Seen> => {
    if (media === undefined) {
      throw new SampleError("template", "has pictures, and the model is text-only", "Train a LLaDA-V or ReDiff model");
    }
    if (mode.decode) {
      const { visuals, video } = await loadMedia(record, media, signal);
      return { positions: visuals.map((visual) => visualRows(visual, media.geometry)), ...(video && { video }) };
    }
    if (record.video !== undefined) return glanceAtVideo(record.video, record, media, signal);
    const geometry = pictureGeometry(media.geometry, record.images.length);
    const positions: number[] = [];
    for (const image of record.images) {
      const source = typeof image === "string" ? await findPicture(image, record, media) : image;
      positions.push(pictureLayout(await pictureSize(source, media, geometry), geometry).tokens);
    }
    return { positions };
  });
}

/** As the picture's header has it. */
async function pictureSize(source: Media, media: MediaSettings, geometry: VisionGeometry): Promise<Size> {
  const [input, name] = typeof source === "string" ? [source, source] : [source.bytes, source.name];
  const limit = media.maxPixels === undefined ? {} : { maxPixels: media.maxPixels };
  try {
    return await readPictureSize(input, { ...geometry, ...limit, name, autoOrient: !media.asStored });
  } catch (cause) {
    const { reason, hint } = toSkip(cause, { file: name, index: 0 });
    throw new SampleError("unreadable", reason, hint, { cause });
  }
}

async function glanceAtVideo(
  video: Media,
  record: DataRecord,
  media: MediaSettings,
  signal?: AbortSignal,
): Promise<Seen> {
  const { videoFps = 1, framesUpbound = 0, forceSample = false, geometry } = media;
  const sampling: VideoSampling = { kind: "fps", videoFps, framesUpbound, forceSample };
  // Bytes from a shard have to be decoded to know how long they last.
  if (typeof video !== "string") {
    const loaded = await loadMedia(record, media, signal);
    return {
      positions: loaded.visuals.map((visual) => visualRows(visual, geometry)),
      ...(loaded.video && { video: loaded.video }),
    };
  }
  const path = await findVideo(video, record, media);
  let [fps, totalFrames] = [FOLDER_FPS, 0];
  let indices: number[];
  try {
    if ((await stat(path)).isDirectory()) {
      totalFrames = (await frameFiles(path)).length;
      indices = sampleFolder(totalFrames, sampling);
    } else {
      const facts = await probeFile(path, { maxPixels: media.maxPixels }, signal);
      [fps, totalFrames] = [facts.fps, facts.packets];
      indices = sampleFrames(totalFrames, fps, sampling);
    }
  } catch (cause) {
    const { reason, hint } = toSkip(cause, record.source);
    throw new SampleError("unreadable", reason, hint, { cause });
  }
  const times = indices.map((index) => index / fps);
  return { positions: [videoLayout(indices.length, geometry).tokens], video: { times, totalFrames, fps } };
}
