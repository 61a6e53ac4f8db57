/** A video file, or a folder of frame pictures, to tiles: each chosen frame squashed to one tile, never anyres. */

import { stat } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../errors.js";
import { emptyFile, fileError } from "../../files/read-errors.js";
import { assertRegular } from "../../files/regular-file.js";
import { DEFAULT_MAX_PIXELS, type DecodeOptions, decodePicture } from "../picture/decode-picture.js";
import { picturesIn } from "../picture/folder-pictures.js";
import { refuseHuge } from "../picture/picture-errors.js";
import { type OpaqueImage, withoutAlpha } from "../picture/raster-image.js";
import { resizeImage } from "../picture/resize.js";
import type { Size } from "../tiles/anyres.js";
import { refuseThin } from "../tiles/thin-pictures.js";
import { cutIntoTiles, type Tiles } from "../tiles/tiles.js";
import { movieIndexFirst } from "./faststart.js";
import { decodeFrames, MAX_FRAMES, probeVideo, type VideoSource, videoName } from "./ffmpeg.js";
import { FOLDER_FPS, sampleFolder, sampleFrames, type VideoSampling } from "./frame-sampling.js";

export interface VideoOptions {
  readonly tileSize: number;
  readonly sampling: VideoSampling;
  /** Of a frame; see DecodeOptions. */
  readonly maxPixels?: number;
  /** Of the pictures of a folder; a video is always upright, as every player shows it. */
  readonly autoOrient?: boolean;
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

async function loadFile(source: VideoSource, options: VideoOptions, signal?: AbortSignal): Promise<VideoTiles> {
  const path = videoName(source);
  const { packets, fps, width, height } = await probeVideo(source, signal);
  refuseHuge(path, width, height, options.maxPixels ?? DEFAULT_MAX_PIXELS);
  let total = packets;
  // An edit list or a damaged packet makes frames fewer than packets. Then the frames were chosen for a length that
  // the video does not have, and it is decoded again.
  for (let attempt = 0; attempt < 2; attempt++) {
    const indices = sampleFrames(total, fps, options.sampling);
    const canvas = new FrameCanvas(path, indices, options.tileSize);
    const summary = await decodeFrames(source, canvas.wanted, (frame) => canvas.put(frame.index, frame.image), signal);
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
  const canvas = new FrameCanvas(path, indices, options.tileSize);
  const { maxPixels, autoOrient } = options;
  const decoding: DecodeOptions = {
    ...(maxPixels !== undefined && { maxPixels }),
    ...(autoOrient !== undefined && { autoOrient }),
  };
  const judge = (size: Size) => refuseThin(size, { tileSize: options.tileSize, aspectRatio: { kind: "square" } });
  for (const index of canvas.wanted) {
    signal?.throwIfAborted();
    const image = await decodePicture(join(path, files[index] ?? ""), decoding, judge);
    canvas.put(index, withoutAlpha(image));
  }
  const times = indices.map((index) => index / FOLDER_FPS);
  return { ...canvas.finish(), indices, times, totalFrames: files.length, fps: FOLDER_FPS, warnings: [] };
}

/** [frames, 3, size, size], filled as frames come; a frame that is shown several times is resized once. */
export class FrameCanvas {
  /** The frames to decode: ascending, none twice. */
  readonly wanted: readonly number[];
  readonly #indices: readonly number[];
  readonly #tileSize: number;
  readonly #pixels: Uint8Array<ArrayBuffer>;
  #imageSize: Size | undefined;

  constructor(path: string, indices: readonly number[], tileSize: number) {
    if (indices.length > MAX_FRAMES) {
      throw new UserError(
        `${path}: ${indices.length} frames would be taken; at most ${MAX_FRAMES} are possible`,
        "Set frames_upbound or a smaller video_fps",
      );
    }
    this.wanted = [...new Set(indices)];
    this.#indices = indices;
    this.#tileSize = tileSize;
    this.#pixels = new Uint8Array(indices.length * 3 * tileSize * tileSize);
  }

  put(index: number, image: OpaqueImage): void {
    this.#imageSize ??= { width: image.width, height: image.height };
    const bytes = 3 * this.#tileSize ** 2;
    const first = this.#indices.indexOf(index);
    const tile = this.#pixels.subarray(first * bytes, (first + 1) * bytes);
    cutIntoTiles(squash(image, this.#tileSize), { left: 0, top: 0 }, 1, this.#tileSize, tile);
    for (let i = first + 1; this.#indices[i] === index; i++) this.#pixels.set(tile, i * bytes);
  }

  finish(): Tiles {
    return {
      pixels: this.#pixels,
      tiles: this.#indices.length,
      tileSize: this.#tileSize,
      imageSize: this.#imageSize ?? { width: 0, height: 0 },
    };
  }
}

/** Resizes a frame to one tile; its shape is not kept, as in the reference. */
function squash(image: OpaqueImage, tileSize: number): OpaqueImage {
  return resizeImage(image, { width: tileSize, height: tileSize });
}
