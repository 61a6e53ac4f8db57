/** What decoding a video may cost. A file of a few kilobytes may hold hours, frames that grow, or names of other files. */
import { availableParallelism } from "node:os";
import { option, UserError, wording } from "../../errors.js";
import { formatBytes } from "../../units.js";

export interface VideoLimits {
  /** For all frames of a video together, from its first byte on. Default 3600. */
  readonly seconds?: number;
  /** Bytes that a decoder may have. Default 4 GB. */
  readonly memory?: number;
}

const DEFAULT_SECONDS = 3600;
const DEFAULT_MEMORY = 4e9;

/** Decoders hold some frames for each of their threads. */
export const DECODER_THREADS = Math.min(4, availableParallelism());

export const withDefaults = ({
  seconds = DEFAULT_SECONDS,
  memory = DEFAULT_MEMORY,
}: VideoLimits): Required<VideoLimits> => ({
  seconds,
  memory,
});

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
