/** The pictures and videos of a request, from files to tiles: in this thread, or in those of a pool. */
import { stat } from "node:fs/promises";
import { codedAs } from "../errors.js";
import { loadPicture, loadVideo, type PictureSource, type VideoSource } from "../vision/index.js";
import type { PictureOptions } from "../vision/picture/load-picture.js";
import type { Tiles, Visual } from "../vision/tiles/tiles.js";
import type { VideoOptions, VideoTiles } from "../vision/video/load-video.js";
import { isVideoName } from "../vision/video/video-names.js";
import { type PlainVisual, plainVisual } from "./given-visuals.js";
import { assertSight, type ModelFacts } from "./model-facts.js";
import type { VisualSource } from "./request.js";
import type { VisualHandling } from "./resolve.js";

/** Who does the work; a `VisionPool` is one. */
export interface VisualReader {
  picture(source: PictureSource, options: PictureOptions, signal?: AbortSignal): Promise<Tiles>;
  video(source: VideoSource, options: VideoOptions, signal?: AbortSignal): Promise<VideoTiles>;
}

const thisThread: VisualReader = { picture: loadPicture, video: loadVideo };

export interface VisualReading {
  facts: ModelFacts;
  handling: VisualHandling;
  /** Default: this thread. */
  reader?: VisualReader;
  signal?: AbortSignal | undefined;
}

/** One source is a list of one. */
export const listOf = (sources: VisualSource | readonly VisualSource[]): readonly VisualSource[] =>
  Array.isArray(sources) ? (sources as readonly VisualSource[]) : [sources as VisualSource];

/** @throws UserError for what is no file, or cannot be read, and for a text-only model */
export function readVisual(source: VisualSource, reading: VisualReading): Promise<Visual> {
  return codedAs("unreadable_picture", () => readAny(source, reading));
}

async function readAny(source: VisualSource, reading: VisualReading): Promise<Visual> {
  const { reader = thisThread, signal } = reading;
  const plain = await plainVisual(source, signal);
  assertSight(reading.facts);
  const video = await videoOf(plain);
  if (video !== undefined) return { kind: "video", ...(await reader.video(video, videoOptions(reading), signal)) };
  const tiles = await reader.picture(plain as PictureSource, pictureOptions(reading), signal);
  return { kind: "picture", ...tiles };
}

/** @throws UserError for a text-only model */
export function pictureOptions({ facts, handling }: Pick<VisualReading, "facts" | "handling">): PictureOptions {
  const { tileSize, aspectRatio, pinpoints } = assertSight(facts);
  const { colors, grey16, autoOrient, maxPixels } = handling;
  return { tileSize, aspectRatio, pinpoints, colors, grey16, autoOrient, maxPixels };
}

/** @throws UserError for a text-only model */
export function videoOptions({ facts, handling }: Pick<VisualReading, "facts" | "handling">): VideoOptions {
  const { tileSize } = assertSight(facts);
  const { autoOrient, maxPixels, frames } = handling;
  return { tileSize, sampling: { kind: "uniform", frames }, autoOrient, maxPixels };
}

export function readVisuals(sources: readonly VisualSource[], reading: VisualReading): Promise<Visual[]> {
  return Promise.all(sources.map((source) => readVisual(source, reading)));
}

/** A video is named as one, or by its extension, or is a folder of frames. */
async function videoOf(source: PlainVisual): Promise<VideoSource | undefined> {
  if (source instanceof Uint8Array) return undefined;
  if (typeof source !== "string") return source.video;
  if (isVideoName(source)) return source;
  return (await stat(source).catch(() => undefined))?.isDirectory() ? source : undefined;
}
