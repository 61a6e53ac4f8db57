/** Frames of a video file through the system's ffmpeg, by frame index.
 *
 *  ffmpeg decodes every frame and writes the chosen ones as PPM, a header with the size before each, so that rotation
 *  and odd containers need no bookkeeping. A second pipe gets ffmpeg's reports, and with them the exact number of all frames, which
 *  headers and packets only promise. The pixels equal PyAV's rgb24. Nothing but the frame under way is
 *  held in memory. */

import { UserError } from "../../errors.js";
import { refuseHuge } from "../picture/picture-errors.js";
import type { OpaqueImage } from "../picture/raster-image.js";
import type { Size } from "../tiles/anyres.js";
import {
  type DecoderBounds,
  endOf,
  finish,
  inputOptions,
  LOG_LEVELS,
  startDecoder,
  textOf,
  type VideoSource,
  videoName,
} from "./decoder-process.js";
import { readPpm } from "./ppm.js";
import { readProbe, type VideoFacts } from "./probe-output.js";

export interface DecodedFrame {
  readonly index: number;
  readonly image: OpaqueImage;
}

export interface DecodeSummary {
  /** Frames that the file really holds. */
  readonly total: number;
  /** What ffmpeg complained about, a line each: damaged blocks that it concealed. */
  readonly warnings: readonly string[];
}

/** More frames than this make the filter's expression too long; no context holds as many. */
export const MAX_FRAMES = 4096;

// V skips cover pictures, which v would take for a video.
const STREAM = "V:0";

/** Counts packets without decoding them. Throws a UserError for a file that holds no video, or frames that are too
 *  large. */
export async function probeVideo(source: VideoSource, bounds: DecoderBounds): Promise<VideoFacts> {
  const path = videoName(source);
  const { options, url } = inputOptions(source, bounds);
  const entries = [
    "-count_packets",
    "-show_entries",
    "stream=width,height,avg_frame_rate,nb_read_packets",
    "-of",
    "json",
  ];
  const args = ["-v", LOG_LEVELS.complaints, ...options, "-select_streams", STREAM, ...entries, url];
  const child = startDecoder("ffprobe", args, bounds, source);
  const { read: json = "", complaints } = await finish(child, bounds, path, textOf(child.stdout));
  const streams = child.process.exitCode === 0 ? readProbe(json) : undefined;
  if (streams === undefined) throw brokenVideo(path, complaints);
  const [stream] = streams;
  if (stream === undefined) throw new UserError(`${path}: holds no video stream`, "Name a video file");
  if (stream.packets === 0) throw noFrames(path, complaints);
  refuseHuge(path, stream.width, stream.height, bounds.maxPixels);
  return stream;
}

export interface FrameReceiver {
  /** Frames to decode: ascending, none twice. */
  readonly wanted: readonly number[];
  /** Told the size of a wanted frame before there is memory for it; may throw. */
  admit(size: Size): void;
  put(frame: DecodedFrame): void;
}

/** Decodes the whole video and hands over the wanted frames, one at a time. */
export async function decodeFrames(
  source: VideoSource,
  receiver: FrameReceiver,
  bounds: DecoderBounds,
): Promise<DecodeSummary> {
  const path = videoName(source);
  const indices = receiver.wanted;
  const { options, url } = inputOptions(source, bounds);
  const passthrough = await passthroughFlag(bounds);
  const filter = [
    `[0:${STREAM}]split=2[every][some]`,
    `[some]select='${indices.map((index) => `eq(n\\,${index})`).join("+")}',scale=flags=bicubic,format=rgb24[frames]`,
  ].join(";");
  const frames = ["-map", "[frames]", ...passthrough, "-c:v", "ppm", "-f", "image2pipe", "pipe:1"];
  // The report is about the first output: here, all frames.
  const count = ["-progress", "pipe:3", "-map", "[every]", ...passthrough, "-f", "null", "-"];
  // Filters that begin anew where frames change their size would count from 0 again. So they do not: later frames get
  // the first one's size.
  const input = ["-nostdin", "-nostats", "-v", LOG_LEVELS.frames, ...options, "-reinit_filter", "0", "-i", url];
  const child = startDecoder("ffmpeg", [...input, "-filter_complex", filter, ...count, ...frames], bounds, source);

  let taken = 0;
  const readFrames = async (): Promise<void> => {
    try {
      for await (const image of readPpm(child.stdout, (size) => receiver.admit(size))) {
        const index = indices[taken++];
        if (index !== undefined) receiver.put({ index, image });
      }
    } catch (error) {
      // Nobody reads the pipe any more, and ffmpeg would wait for ever.
      child.process.kill("SIGKILL");
      throw error;
    }
  };
  const reading = Promise.all([endOf(child.reports), readFrames()]);
  const { read, complaints } = await finish(child, bounds, path, reading);
  const total = Number(/.*^frame=\s*(\d+)$/ms.exec(read[0])?.[1] ?? 0);
  if (child.process.exitCode !== 0) throw brokenVideo(path, complaints);
  if (/partial file|ended prematurely|truncated/i.test(complaints)) throw cutOff(path, total);
  if (total === 0) throw noFrames(path, complaints);
  const expected = indices.filter((index) => index < total).length;
  if (taken !== expected) throw new Error(`${path}: ffmpeg gave ${taken} of ${expected} frames`);
  return { total, warnings: complaints.split("\n").filter((line) => line.trim() !== "") };
}

let knownPassthrough: readonly string[] | undefined;

/** `-fps_mode` came with ffmpeg 5.1, `-vsync` goes with 8; without either, frames are doubled and dropped. */
async function passthroughFlag(bounds: DecoderBounds): Promise<readonly string[]> {
  if (knownPassthrough !== undefined) return knownPassthrough;
  const child = startDecoder("ffmpeg", ["-version"], bounds);
  const { read: banner = "" } = await finish(child, bounds, "ffmpeg", textOf(child.stdout));
  const version = /^ffmpeg version n?(\d+)\.(\d+)/.exec(banner);
  // Builds from the repository carry no number (N-...); they are new.
  const old = version !== null && Number(version[1]) + Number(version[2]) / 100 < 5.01;
  knownPassthrough = old ? ["-vsync", "passthrough"] : ["-fps_mode", "passthrough"];
  return knownPassthrough;
}

function brokenVideo(path: string, complaints: string): UserError {
  const other = /\[(\S+) @ \S+\] Format not on whitelist/.exec(complaints)?.[1];
  if (other !== undefined)
    return new UserError(
      `${path}: ${other} is no video in a single file; expected MP4, MOV, MKV, WebM, AVI, MPEG, WMV or FLV`,
      "Convert it: ffmpeg -i IN OUT.mp4",
    );
  const lines = complaints.split("\n").map((line) => line.replace(/^\[[^\]]*\]\s*/, "").trim());
  const why = lines.find((line) => line !== "") ?? "no reason given";
  return new UserError(`${path}: ffmpeg cannot read it as a video (${why})`, "Copy or download it again");
}

function noFrames(path: string, complaints: string): UserError {
  const why = complaints.split("\n", 1)[0]?.trim();
  return new UserError(`${path}: no frame can be decoded${why ? ` (${why})` : ""}`, "Copy or download it again");
}

function cutOff(path: string, total: number): UserError {
  return new UserError(`${path}: the file is cut off after ${total} frames`, "Copy or download it again");
}
