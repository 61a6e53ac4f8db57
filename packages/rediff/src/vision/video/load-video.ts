/** A video file, or a folder of frame pictures, to tiles: each chosen frame squashed to one tile, never anyres. */

import { stat } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../errors.js";
import { emptyFile, fileError } from "../../files/read-errors.js";
import { assertRegular } from "../../files/regular-file.js";
import { DEFAULT_MAX_PIXELS, type DecodeOptions, decodePicture } from "../picture/decode-picture.js";
import { picturesIn } from "../picture/folder-pictures.js";
import { withoutAlpha } from "../picture/raster-image.js";
import type { Tiles } from "../tiles/tiles.js";
import { type DecoderBounds, type VideoSource, videoName } from "./decoder-process.js";
import { movieIndexFirst } from "./faststart.js";
import { decodeFrames, probeVideo } from "./ffmpeg.js";
import { FrameCanvas } from "./frame-canvas.js";
import { FOLDER_FPS, sampleFolder, sampleFrames, type VideoSampling } from "./frame-sampling.js";
import type { VideoFacts } from "./probe-output.js";
import {
  DECODER_THREADS,
  decoderMemory,
  probeMemory,
  refuseMany,
  tooLong,
  type VideoLimits,
  withDefaults,
} from "./video-limits.js";

export interface VideoOptions {
  readonly tileSize: number;
  readonly sampling: VideoSampling;
  /** Of a frame; see DecodeOptions. */
  readonly maxPixels?: number | undefined;
  /** Of the pictures of a folder; a video is always upright, as every player shows it. */
  readonly autoOrient?: boolean;
  /** What decoding a file may cost. */
  readonly limits?: VideoLimits;
}

export interface VideoTiles extends Tiles {
  /** Which frames the tiles are, counted from 0 in order of presentation. */
  readonly indices: readonly number[];
  /** Seconds from the start, index / fps. (The reference's training rule divides by its step, which is wrong unless
   *  video_fps is 1.) */
  readonly times: readonly number[];
  readonly totalFrames: number;
  /** NaN when the file does not tell. */
  readonly fps: number;
  /** Damage that ffmpeg concealed, a line each. */
  readonly warnings: readonly string[];
}

/** Loads a video in this thread. `signal` kills ffmpeg at once. Throws a UserError for whatever is wrong with it. */
export async function loadVideo(source: VideoSource, options: VideoOptions, signal?: AbortSignal): Promise<VideoTiles> {
  if (typeof source === "object") {
    if (source.bytes.length === 0) throw emptyFile(source.name, "a video");
    return loadFile({ name: source.name, bytes: movieIndexFirst(source.bytes) }, options, signal);
  }
  const info = await stat(source).catch((cause: unknown) => {
    throw fileError(source, cause);
  });
  if (info.isDirectory()) return loadFolder(source, options, signal);
  await assertRegular(source, "a video file, or a folder of frames");
  if (info.size === 0) throw emptyFile(source, "a video");
  return loadFile(source, options, signal);
}

/** Of a file: packets, rate and size, under the same limits as decoding it. */
export function probeFile(
  source: VideoSource,
  options: Pick<VideoOptions, "maxPixels" | "limits">,
  signal?: AbortSignal,
): Promise<VideoFacts> {
  return bounded(source, options, signal, (bounds) => probeVideo(source, bounds));
}

/** Gives up, with the signal's reason or for want of time. */
async function bounded<Result>(
  source: VideoSource,
  { maxPixels = DEFAULT_MAX_PIXELS, limits = {} }: Pick<VideoOptions, "maxPixels" | "limits">,
  signal: AbortSignal | undefined,
  work: (bounds: DecoderBounds) => Promise<Result>,
): Promise<Result> {
  const { seconds, memory = probeMemory(maxPixels) } = withDefaults(limits);
  const timeout = AbortSignal.timeout(Math.ceil(seconds * 1000));
  const either = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
  // The shell's limit comes second: it is there for a decoder that nobody looks after.
  const cpuSeconds = (seconds + 1) * (DECODER_THREADS + 1);
  try {
    return await work({ maxPixels, memory, cpuSeconds, signal: either });
  } catch (error) {
    signal?.throwIfAborted();
    throw timeout.aborted ? tooLong(videoName(source), seconds) : error;
  }
}

function loadFile(source: VideoSource, options: VideoOptions, signal?: AbortSignal): Promise<VideoTiles> {
  return bounded(source, options, signal, (bounds) => decodeFile(source, options, bounds));
}

async function decodeFile(source: VideoSource, options: VideoOptions, bounds: DecoderBounds): Promise<VideoTiles> {
  const path = videoName(source);
  const { packets, fps, width, height } = await probeVideo(source, bounds);
  const pixels = width * height;
  const memory = options.limits?.memory ?? decoderMemory(pixels);
  let total = packets;
  // An edit list or a damaged packet makes frames fewer than packets. Then the frames were chosen for a length that
  // the video does not have, and it is decoded again.
  for (let attempt = 0; attempt < 2; attempt++) {
    const indices = sampleFrames(total, fps, options.sampling);
    const canvas = new FrameCanvas(path, indices, options.tileSize, bounds.maxPixels);
    refuseMany(path, canvas.wanted.length, { width, height }, options.limits?.pixels);
    const summary = await decodeFrames(source, canvas, { ...bounds, memory });
    if (summary.total === total) {
      return {
        ...canvas.finish(),
        indices,
        times: indices.map((i) => i / fps),
        totalFrames: total,
        fps,
        warnings: summary.warnings,
      };
    }
    total = summary.total;
  }
  throw new UserError(`${path}: ffmpeg finds another number of frames each time`, "Re-encode the video");
}

/** Names of the pictures in a folder that is a video, in the order of its frames.
 *  @throws UserError when there are none */
export async function frameFiles(path: string): Promise<string[]> {
  const { pictures: files } = await picturesIn(path);
  if (files.length === 0) {
    throw new UserError(`${path}: the folder holds no pictures; expected the frames of a video`, "Check the path");
  }
  return files;
}

async function loadFolder(path: string, options: VideoOptions, signal?: AbortSignal): Promise<VideoTiles> {
  const files = await frameFiles(path);
  const indices = sampleFolder(files.length, options.sampling);
  const { maxPixels = DEFAULT_MAX_PIXELS, autoOrient } = options;
  const canvas = new FrameCanvas(path, indices, options.tileSize, maxPixels);
  const decoding: DecodeOptions = {
    maxPixels,
    ...(autoOrient !== undefined && { autoOrient }),
  };
  for (const index of canvas.wanted) {
    signal?.throwIfAborted();
    const image = await decodePicture(join(path, files[index] ?? ""), decoding, (size) => canvas.admit(size));
    canvas.put({ index, image: withoutAlpha(image) });
  }
  const times = indices.map((index) => index / FOLDER_FPS);
  return { ...canvas.finish(), indices, times, totalFrames: files.length, fps: FOLDER_FPS, warnings: [] };
}
