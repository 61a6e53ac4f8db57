/** The pictures and videos of a request: what is wrong with a URL is told before the request waits in the queue, what is
 *  wrong with the file behind it when it is decoded, off the threads of HTTP and model. Nothing touches a disk. */
import { UserError } from "../../errors.js";
import type { ModelFacts } from "../../inference/model-facts.js";
import type { DescribeOptions } from "../../inference/request.js";
import { visualHandling } from "../../inference/resolve.js";
import { readVisual, type VisualReader, type VisualReading } from "../../inference/visuals.js";
import type { Visual } from "../../vision/tiles/tiles.js";
import type { VisionPools } from "../engine/engine.js";
import { ApiError, clip } from "../http/error-object.js";
import { parseDataUrl } from "./data-url.js";
import { fetchPicture } from "./fetch-picture.js";

export interface MediaOptions {
  /** Fetch http(s) pictures. */
  allowUrls: boolean;
  maxPixels: number;
  /** Of a picture or video, fetched or sent. */
  maxBytes: number;
  fetchTimeoutMs: number;
  maxPictures: number;
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
  return { kind: "picture", bytes: parseDataUrl(url, "image", param, options.maxBytes), param };
}

export function videoSource(url: string, param: string, { maxBytes }: MediaOptions): MediaSource {
  return { kind: "video", bytes: parseDataUrl(url, "video", param, maxBytes), param };
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
  return (pools: VisionPools, facts: ModelFacts, signal: AbortSignal): Promise<Visual[]> => {
    const reading = { facts, handling, reader: readerOf(pools), signal };
    return Promise.all(sources.map((source) => read(source, options, reading)));
  };
}

async function read(
  source: MediaSource,
  { maxBytes, fetchTimeoutMs: timeoutMs }: MediaOptions,
  reading: VisualReading & { signal: AbortSignal },
): Promise<Visual> {
  const { param } = source;
  try {
    const bytes =
      "url" in source ? await fetchPicture(source.url, { maxBytes, timeoutMs, signal: reading.signal }) : source.bytes;
    return await readVisual(source.kind === "video" ? { video: { name: "the video", bytes } } : bytes, reading);
  } catch (cause) {
    if (!(cause instanceof UserError)) throw cause;
    // What may be raised is the server's, and not the request's.
    const line = cause.spelled(() => "the server's limit");
    throw new ApiError(400, `${clip(param)}: ${line}`, {
      param,
      code: source.kind === "video" ? "invalid_video" : "invalid_image",
      cause,
    });
  }
}

/** Seconds of decoding: a small file may hold hours. */
const VIDEO_SECONDS = 60;

function readerOf({ pictures, videos }: VisionPools): VisualReader {
  return {
    picture: (bytes, options, signal) => pictures.picture(bytes, { ...options, name: "the picture" }, signal),
    async video(file, options, signal) {
      const timeout = AbortSignal.timeout(VIDEO_SECONDS * 1000);
      try {
        return await videos.video(file, options, signal ? AbortSignal.any([signal, timeout]) : timeout);
      } catch (error) {
        if (!timeout.aborted || signal?.aborted) throw error;
        throw new UserError(`decoding took longer than ${VIDEO_SECONDS} seconds`, "Send a shorter video");
      }
    },
  };
}
