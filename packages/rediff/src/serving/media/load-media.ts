/** The pictures and videos of a request: what is wrong with a URL is told before the request waits in the queue, what is
 *  wrong with the file behind it when it is decoded, off the threads of HTTP and model. Nothing touches a disk. */
import { UserError } from "../../errors.js";
import type { ModelFacts } from "../../inference/model-facts.js";
import type { DescribeOptions } from "../../inference/request.js";
import { visualHandling } from "../../inference/resolve.js";
import { pictureOptions, type VisualReading, videoOptions } from "../../inference/visuals.js";
import { parseDataUrl } from "../../vision/data-url.js";
import type { Visual } from "../../vision/tiles/tiles.js";
import type { VisionPool } from "../../vision/workers/vision-pool.js";
import type { VisionPools } from "../engine/request-turns.js";
import { ApiError, clip } from "../http/error-object.js";
import { fetchPicture } from "./fetch-picture.js";
import { PixelBudget } from "./pixel-budget.js";

export interface MediaOptions {
  /** Fetch http(s) pictures. */
  allowUrls: boolean;
  maxPixels: number;
  /** Of a picture or video, fetched or sent. */
  maxBytes: number;
  fetchTimeoutMs: number;
  maxPictures: number;
  /** Of all pictures of a request, and of all frames that are taken from its videos. */
  requestPixels: number;
  /** Of work on one picture. */
  pictureSeconds: number;
  /** Of work on one video: a small file may hold hours. */
  videoSeconds: number;
}

/** A picture or video that a request names. `param` is the field, for errors. */
export type MediaSource =
  | { kind: "picture" | "video"; bytes: Uint8Array; param: string }
  | { kind: "picture"; url: string; param: string };

export function pictureSource(url: string, param: string, options: MediaOptions): MediaSource {
  if (/^https?:/i.test(url)) {
    if (!options.allowUrls)
      throw new ApiError(400, `${param}: this server does not fetch pictures; send it as a data: URL`, {
        param,
        code: "url_not_allowed",
      });
    return { kind: "picture", url, param };
  }
  return { kind: "picture", bytes: bytesOf(url, "image", param, options.maxBytes), param };
}

export function videoSource(url: string, param: string, { maxBytes }: MediaOptions): MediaSource {
  return { kind: "video", bytes: bytesOf(url, "video", param, maxBytes), param };
}

/** @throws ApiError naming the field */
function bytesOf(url: string, kind: "image" | "video", param: string, maxBytes: number): Uint8Array {
  try {
    return parseDataUrl(url, kind, maxBytes);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new ApiError(400, `${param}: ${error.message}`, { param, code: "invalid_data_url" });
  }
}

/** @throws ApiError naming the field */
export function assertMedia(
  sources: readonly MediaSource[],
  facts: ModelFacts | undefined,
  options: MediaOptions,
): void {
  const [first] = sources;
  if (first !== undefined && facts !== undefined && facts.tiling === undefined)
    throw new ApiError(400, "the model is a text-only LLaDA and cannot see pictures", { param: first.param });
  const surplus = sources[options.maxPictures];
  if (surplus !== undefined)
    throw new ApiError(400, `more than ${options.maxPictures} pictures`, {
      param: surplus.param,
      code: "too_many_pictures",
    });
}

/** Reads the pictures of a request, once it is its turn, as its options say. */
export function mediaReading(sources: readonly MediaSource[], asked: DescribeOptions, options: MediaOptions) {
  const handling = visualHandling(asked);
  return async (pools: VisionPools, facts: ModelFacts, signal: AbortSignal): Promise<Visual[]> => {
    const reading = { facts, handling, signal };
    const files = await Promise.all(sources.map((source) => open(source, options, signal)));
    const budget = new PixelBudget(options.requestPixels);
    if (mayGoBeyond(files, options)) await spendOnPictures(files, budget, reading, pools.pictures);
    // Videos come one after the other, so that each may have what those before it have left.
    let last: Promise<unknown> = Promise.resolve();
    return Promise.all(
      files.map((file) => {
        if (file.kind === "picture") return readPicture(file, reading, pools.pictures);
        const video = last.then(() => readVideo(file, options, budget, reading, pools.videos));
        last = video;
        return video;
      }),
    );
  };
}

type Reading = Omit<VisualReading, "reader"> & { signal: AbortSignal };

interface MediaFile {
  kind: "picture" | "video";
  bytes: Uint8Array;
  param: string;
}

const NAMES = { picture: "the picture", video: "the video" } as const;

async function open(source: MediaSource, options: MediaOptions, signal: AbortSignal): Promise<MediaFile> {
  if (!("url" in source)) return source;
  const { kind, param, url } = source;
  const { maxBytes, fetchTimeoutMs: timeoutMs } = options;
  return { kind, param, bytes: await judged(source, fetchPicture(url, { maxBytes, timeoutMs, signal })) };
}

/** Whether it takes a look at each picture to know that all of them are within the limit. */
function mayGoBeyond(files: readonly MediaFile[], { maxPixels, requestPixels }: MediaOptions): boolean {
  const pictures = files.filter(({ kind }) => kind === "picture").length;
  return pictures * maxPixels > requestPixels || (pictures > 0 && pictures < files.length);
}

async function spendOnPictures(files: readonly MediaFile[], budget: PixelBudget, reading: Reading, pool: VisionPool) {
  const pictures = files.filter(({ kind }) => kind === "picture");
  const options = { ...pictureOptions(reading), name: NAMES.picture };
  const sizes = await Promise.all(pictures.map((file) => judged(file, pool.size(file.bytes, options, reading.signal))));
  for (const [i, file] of pictures.entries()) {
    const { width = 0, height = 0 } = sizes[i] ?? {};
    await judged(file, async () => budget.spend(NAMES.picture, width * height));
  }
}

function readPicture(file: MediaFile, reading: Reading, pool: VisionPool): Promise<Visual> {
  const options = { ...pictureOptions(reading), name: NAMES.picture };
  return judged(
    file,
    pool.picture(file.bytes, options, reading.signal).then((tiles) => ({ kind: "picture", ...tiles })),
  );
}

async function readVideo(
  file: MediaFile,
  { videoSeconds: seconds }: MediaOptions,
  budget: PixelBudget,
  reading: Reading,
  pool: VisionPool,
): Promise<Visual> {
  const options = { ...videoOptions(reading), limits: { seconds, pixels: budget.left } };
  const tiles = await judged(file, pool.video({ name: NAMES.video, bytes: file.bytes }, options, reading.signal));
  const { width, height } = tiles.imageSize;
  budget.spend(NAMES.video, new Set(tiles.indices).size * width * height);
  return { kind: "video", ...tiles };
}

/** @throws ApiError, naming the field, for what is wrong with the file */
async function judged<Result>(
  { kind, param }: { kind: "picture" | "video"; param: string },
  work: Promise<Result> | (() => Promise<Result>),
): Promise<Result> {
  try {
    return await (typeof work === "function" ? work() : work);
  } catch (cause) {
    if (!(cause instanceof UserError)) throw cause;
    // What may be raised is the server's, and not the request's.
    const line = cause.spelled(() => "the server's limit");
    const code = kind === "video" ? "invalid_video" : "invalid_image";
    throw new ApiError(400, `${clip(param)}: ${line}`, { param, code, cause });
  }
}
