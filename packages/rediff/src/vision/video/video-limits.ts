/** What decoding a video may cost. A file of a few kilobytes may hold hours, frames that grow, or names of other files. */
import { availableParallelism } from "node:os";
import { option, UserError, wording } from "../../errors.js";
import { formatBytes } from "../../units.js";
import type { Size } from "../tiles/anyres.js";

export interface VideoLimits {
  /** For all frames of a video together, from its first byte on. Default 3600. */
  readonly seconds?: number;
  /** Bytes that a decoder may have. Default what frames of the video's size need (`decoderMemory`). */
  readonly memory?: number;
  /** Of all frames that are taken. Default as many as there are. */
  readonly pixels?: number;
}

const DEFAULT_SECONDS = 3600;

/** Decoders hold some frames for each of their threads. */
export const DECODER_THREADS = Math.min(4, availableParallelism());

export const withDefaults = (limits: VideoLimits): VideoLimits & { seconds: number } => ({
  ...limits,
  seconds: limits.seconds ?? DEFAULT_SECONDS,
});

/** Code, tables, and what a container asks for. */
const BASE_MEMORY = 300e6;

/** Frames that others refer to, up to sixteen, those of the threads, and those on their way to a picture. Measured with
 *  ffmpeg 5.1 and four threads, without the base: AV1 of 10 bits 30, H.264 with sixteen references 30, ProRes 4444 26,
 *  HEVC of 10 bits 26. */
const BYTES_PER_PIXEL = 60;

/** What decoding frames of so many pixels may take. */
export const decoderMemory = (pixels: number): number => BASE_MEMORY + BYTES_PER_PIXEL * pixels;

/** What a look at a file may take, whose frames are not known yet: some codecs are known by a frame or two. */
export const probeMemory = (maxPixels: number): number => BASE_MEMORY + 8 * maxPixels;

/** Containers of one file, by the names of ffmpeg's demuxers. Playlists (hls, dash, concat), patterns of pictures,
 *  descriptions of streams and filters are none: they open what they name. */
export const CONTAINERS = [
  ...["mov", "matroska", "avi", "mpegts", "mpeg", "mpegvideo", "asf", "flv", "live_flv", "ogg", "mxf", "nut", "rm"],
  ...["ivf", "obu", "h264", "hevc", "m4v", "mjpeg", "yuv4mpegpipe", "gif", "apng", "dv", "dirac", "vc1"],
  ...["wav", "mp3", "flac", "aac"], // no videos, and said to be none
].join(",");

/** The most that ffmpeg is told of the limit of pixels. Codecs hold blocks and edges of up to 256 pixels around what is
 *  shown; what is shown is judged to the pixel. */
export const codedPixels = (maxPixels: number): number =>
  Math.min(Math.ceil(maxPixels + 5 * EDGE * Math.sqrt(maxPixels) + 4 * EDGE ** 2), 2 ** 31 - 1);

const EDGE = 256;

export const tooLong = (name: string, seconds: number): UserError =>
  new UserError(
    `${name}: decoding it took longer than ${seconds} seconds`,
    "Cut the video, or re-encode it with fewer frames or pixels",
  );

export const tooMuchMemory = (name: string, memory: number): UserError =>
  new UserError(
    `${name}: decoding it needs more than ${formatBytes(memory)} of memory`,
    "Re-encode the video with fewer pixels",
  );

export const tooLargeFrame = (name: string, width: number, height: number, maxPixels: number): UserError =>
  new UserError(
    `${name}: a frame of ${width} x ${height} pixels; at most ${maxPixels} are decoded`,
    wording`Re-encode the video with one size, or raise ${option("maxPixels")} if you trust the file`,
  );

/** @throws UserError when the frames to be taken have more pixels together than `most` */
export function refuseMany(
  name: string,
  frames: number,
  { width, height }: Size,
  most = Number.POSITIVE_INFINITY,
): void {
  if (frames * width * height <= most) return;
  throw new UserError(
    `${name}: ${frames} frames of ${width} x ${height} pixels; at most ${most} are decoded for one request`,
    wording`Re-encode the video with fewer pixels, or raise ${option("requestPixels")}`,
  );
}
