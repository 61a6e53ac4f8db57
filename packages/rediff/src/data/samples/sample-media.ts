/** Pictures and videos of a record: where they lie, and what the model sees of them. */
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, extname, isAbsolute, join } from "node:path";
import { UserError } from "../../errors.js";
import { fileError } from "../../files/read-errors.js";
import { storedPath } from "../../files/stored-path.js";
import { loadPicture } from "../../vision/picture/load-picture.js";
import type { Visual } from "../../vision/tiles/tiles.js";
import type { VisionGeometry } from "../../vision/tiles/token-layout.js";
import { loadVideo, type VideoTiles } from "../../vision/video/load-video.js";
import type { DataRecord, Media } from "./sample.js";
import { SampleError } from "./sample-error.js";

export interface MediaSettings {
  /** Searched in this order for pictures whose name is no absolute path. */
  imageFolder?: string;
  imageFolder2?: string;
  videoFolder?: string;
  geometry: VisionGeometry;
  /** Frames a second; default 1. */
  videoFps?: number;
  /** Frames at most; default 0, which is no bound. */
  framesUpbound?: number;
  /** Always take `framesUpbound` uniform frames. */
  forceSample?: boolean;
  /** Pictures with more pixels are refused. */
  maxPixels?: number;
  /** Take pictures as they are stored, as the reference does; default is upright, as their EXIF data says. */
  asStored?: boolean;
}

/** What a record shows, in the order of its placeholders. `video` has the facts for a time instruction. */
export interface LoadedMedia {
  visuals: Visual[];
  video?: VideoTiles;
}

/** @throws SampleError when something is missing or unreadable */
export async function loadMedia(
  record: DataRecord,
  settings: MediaSettings,
  signal?: AbortSignal,
): Promise<LoadedMedia> {
  if (record.video !== undefined) {
    const video = await loadRecordVideo(record.video, record, settings, signal);
    const { pixels, tiles, tileSize, imageSize } = video;
    return { visuals: [{ kind: "video", pixels, tiles, tileSize, imageSize }], video };
  }
  const geometry = pictureGeometry(settings.geometry, record.images.length);
  const visuals: Visual[] = [];
  for (const image of record.images) {
    signal?.throwIfAborted();
    const source = typeof image === "string" ? await findPicture(image, record, settings) : image.bytes;
    const naming = typeof image === "string" ? {} : { name: image.name };
    const limit = settings.maxPixels === undefined ? {} : { maxPixels: settings.maxPixels };
    const tiles = await readable(() =>
      loadPicture(source, { ...geometry, ...limit, ...naming, autoOrient: !settings.asStored }),
    );
    visuals.push({ kind: "picture", ...tiles });
  }
  return { visuals };
}

/** Several pictures in one sample become one padded tile each, as in the reference; a single one follows the recipe. */
export function pictureGeometry(geometry: VisionGeometry, pictures: number): VisionGeometry {
  return pictures > 1 ? { ...geometry, aspectRatio: { kind: "pad" } } : geometry;
}

export async function findPicture(
  name: string,
  record: Pick<DataRecord, "source">,
  settings: Pick<MediaSettings, "imageFolder" | "imageFolder2">,
): Promise<string> {
  return findFile("picture", name, [settings.imageFolder, settings.imageFolder2], record);
}

/** A video file, or a folder of frames. */
export async function findVideo(name: string, record: DataRecord, settings: MediaSettings): Promise<string> {
  return findFile("video", name, [settings.videoFolder], record);
}

/** An absolute path, or a name in the first folder that has it. Without folders, beside the data file and in the
 *  working directory. */
async function findFile(
  what: "picture" | "video",
  name: string,
  folders: readonly (string | undefined)[],
  { source }: Pick<DataRecord, "source">,
): Promise<string> {
  if (/^(?:https?|s3|gs|data):/.test(name)) {
    const shown = name.length > 60 ? `${name.slice(0, 60)}...` : name;
    throw new SampleError("missing", `${what} ${shown} is no file`, "Download it, and write its path");
  }
  const given = folders.filter((folder): folder is string => folder !== undefined && folder !== "");
  const tried = isAbsolute(name)
    ? [name]
    : given.length > 0
      ? given.map((folder) => join(folder, name))
      : [...new Set([join(dirname(source.file), name), name])];
  for (const path of tried) if (await isThere(path)) return path;
  for (const path of tried) {
    const stored = storedPath(path);
    if (stored !== undefined) return stored;
  }
  const folder = what === "picture" ? "image_folder" : "video_folder";
  throw new SampleError("missing", `${what} ${name} is missing; tried ${tried.join(", ")}`, `Correct ${folder}`);
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR") return false;
    throw unreadable(fileError(path, cause));
  }
}

async function loadRecordVideo(
  video: Media,
  record: DataRecord,
  settings: MediaSettings,
  signal?: AbortSignal,
): Promise<VideoTiles> {
  const { videoFps = 1, framesUpbound = 0, forceSample = false, maxPixels } = settings;
  const options = {
    tileSize: settings.geometry.tileSize,
    sampling: { kind: "fps", videoFps, framesUpbound, forceSample } as const,
    ...(maxPixels === undefined ? {} : { maxPixels }),
    autoOrient: !settings.asStored,
  };
  if (typeof video === "string") {
    const path = await findVideo(video, record, settings);
    return readable(() => loadVideo(path, options, signal));
  }
  // ffmpeg needs a file that it can seek in.
  const folder = await mkdtemp(join(tmpdir(), "rediff-video-"));
  try {
    const path = join(folder, `video${extname(basename(video.name))}`);
    await writeFile(path, video.bytes);
    return await readable(() => loadVideo(path, options, signal));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What vision/ says of a file is a fault of the sample. */
async function readable<Result>(load: () => Promise<Result>): Promise<Result> {
  try {
    return await load();
  } catch (cause) {
    throw cause instanceof UserError ? unreadable(cause) : cause;
  }
}

function unreadable(error: UserError): SampleError {
  return new SampleError("unreadable", error.message, error.hint, { cause: error });
}
