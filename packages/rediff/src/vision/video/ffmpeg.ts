/** Frames of a video file through the system's ffmpeg, by frame index.
 *
 *  ffmpeg decodes every frame and writes the chosen ones as PPM, a header with the size before each, so that rotation
 *  and odd containers need no bookkeeping. A second pipe gets every frame shrunk to four bytes: that is the exact
 *  count, which headers and packets only promise. The pixels equal PyAV's rgb24. Nothing but the frame under way is
 *  held in memory. */

import { type ChildProcess, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { z } from "zod";
import { UserError } from "../../errors.js";
import type { OpaqueImage } from "../picture/raster-image.js";

export interface VideoFacts {
  /** Packets of the first real video stream: as a rule, frames. */
  readonly packets: number;
  /** Average frames per second; NaN when the file does not tell. */
  readonly fps: number;
  readonly width: number;
  readonly height: number;
}

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

// V skips cover pictures, which v would take for a video. Playlists must not lead ffmpeg to the network: hence the
// lists of protocols.
const STREAM = "V:0";
const COUNT_BYTES = 4;

/** A path, or a file's bytes and how messages call it. Bytes go through a pipe: nothing is written to a disk, and there
 *  is no file that they could name. */
export type VideoSource = string | { readonly name: string; readonly bytes: Uint8Array };

export const videoName = (source: VideoSource): string => (typeof source === "string" ? source : source.name);

const inputOf = (source: VideoSource): { whitelist: string; url: string } =>
  typeof source === "string" ? { whitelist: "file,pipe", url: `file:${source}` } : { whitelist: "pipe", url: "pipe:0" };

const rational = z
  .string()
  .regex(/^\d+\/\d+$/)
  .transform((text) => {
    const [numerator, denominator] = text.split("/");
    return Number(numerator) / Number(denominator);
  })
  .catch(Number.NaN);

const probeOutput = z.object({
  streams: z.array(
    z.object({
      avg_frame_rate: rational,
      nb_read_packets: z.coerce.number().int().catch(0),
      width: z.number(),
      height: z.number(),
    }),
  ),
});

/** Counts packets without decoding them. Throws a UserError for a file that holds no video. */
export async function probeVideo(source: VideoSource, signal?: AbortSignal): Promise<VideoFacts> {
  const path = videoName(source);
  const { whitelist, url } = inputOf(source);
  const entries = [
    "-count_packets",
    "-show_entries",
    "stream=width,height,avg_frame_rate,nb_read_packets",
    "-of",
    "json",
  ];
  const child = start(
    "ffprobe",
    ["-v", "error", "-protocol_whitelist", whitelist, "-select_streams", STREAM, ...entries, url],
    signal,
    source,
  );
  const [json, complaints] = await finish(child, signal, Promise.all([text(child.stdout), text(child.stderr)]));
  if (child.process.exitCode !== 0) throw brokenVideo(path, complaints);
  const [stream] = probeOutput.parse(JSON.parse(json)).streams;
  if (stream === undefined) throw new UserError(`${path}: holds no video stream`, "Name a video file");
  if (stream.nb_read_packets === 0) throw noFrames(path, complaints);
  const { width, height } = stream;
  return { packets: stream.nb_read_packets, fps: stream.avg_frame_rate, width, height };
}

/** Decodes the whole video and hands over the frames at `indices` (ascending, none twice), one at a time. */
export async function decodeFrames(
  source: VideoSource,
  indices: readonly number[],
  onFrame: (frame: DecodedFrame) => void,
  signal?: AbortSignal,
): Promise<DecodeSummary> {
  const path = videoName(source);
  const { whitelist, url } = inputOf(source);
  const passthrough = await passthroughFlag(signal);
  const filter = [
    `[0:${STREAM}]split=2[every][some]`,
    `[every]scale=2:2:flags=neighbor,format=gray[count]`,
    `[some]select='${indices.map((index) => `eq(n\\,${index})`).join("+")}',scale=flags=bicubic,format=rgb24[frames]`,
  ].join(";");
  const frames = ["-map", "[frames]", ...passthrough, "-c:v", "ppm", "-f", "image2pipe", "pipe:1"];
  const count = ["-map", "[count]", ...passthrough, "-c:v", "rawvideo", "-f", "rawvideo", "pipe:3"];
  const input = ["-nostdin", "-v", "error", "-protocol_whitelist", whitelist, "-i", url];
  const child = start("ffmpeg", [...input, "-filter_complex", filter, ...frames, ...count], signal, source);

  let taken = 0;
  const readFrames = async (): Promise<void> => {
    try {
      for await (const image of readPpm(child.stdout)) {
        const index = indices[taken++];
        if (index !== undefined) onFrame({ index, image });
      }
    } catch (error) {
      // Nobody reads the pipe any more, and ffmpeg would wait for ever.
      child.process.kill("SIGKILL");
      throw error;
    }
  };
  const reading = Promise.all([text(child.stderr), byteLength(child.counts), readFrames()]);
  const [complaints, counted] = await finish(child, signal, reading);
  const total = counted / COUNT_BYTES;
  if (child.process.exitCode !== 0) throw brokenVideo(path, complaints);
  if (/partial file|ended prematurely|truncated/i.test(complaints)) throw cutOff(path, total);
  if (total === 0) throw noFrames(path, complaints);
  const expected = indices.filter((index) => index < total).length;
  if (taken !== expected) throw new Error(`${path}: ffmpeg gave ${taken} of ${expected} frames`);
  return { total, warnings: complaints.split("\n").filter((line) => line.trim() !== "") };
}

interface Running {
  readonly process: ChildProcess;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly counts: Readable;
  /** The program did not start, or was killed by the signal. */
  readonly failed: Promise<Error>;
}

function start(
  program: "ffmpeg" | "ffprobe",
  args: readonly string[],
  signal?: AbortSignal,
  source?: VideoSource,
): Running {
  signal?.throwIfAborted();
  const bytes = typeof source === "object" ? source.bytes : undefined;
  const process = spawn(program, args, {
    stdio: [bytes === undefined ? "ignore" : "pipe", "pipe", "pipe", "pipe"],
    killSignal: "SIGKILL",
    windowsHide: true,
    ...(signal === undefined ? {} : { signal }),
  });
  const [stdin, stdout, stderr, counts] = process.stdio;
  // A program that has seen enough closes the pipe; what it thought of the rest is on its standard error.
  stdin?.on("error", () => undefined).end(bytes);
  const failed = new Promise<Error>((resolve) => process.on("error", resolve));
  return { process, stdout: stdout as Readable, stderr: stderr as Readable, counts: counts as Readable, failed };
}

/** What was read from the pipes, once the program has ended. That it did not start, or was stopped by the signal, is
 *  told before what its pipes then suffer. */
async function finish<T>(child: Running, signal: AbortSignal | undefined, reading: Promise<T>): Promise<T> {
  const settled = Promise.allSettled([reading]);
  const closed = new Promise<undefined>((resolve) => child.process.once("close", () => resolve(undefined)));
  const failure = await Promise.race([closed, child.failed]);
  await settled;
  signal?.throwIfAborted();
  if (failure !== undefined) throw "code" in failure && failure.code === "ENOENT" ? notInstalled(failure) : failure;
  return reading;
}

let knownPassthrough: readonly string[] | undefined;

/** `-fps_mode` came with ffmpeg 5.1, `-vsync` goes with 8; without either, frames are doubled and dropped. */
async function passthroughFlag(signal?: AbortSignal): Promise<readonly string[]> {
  if (knownPassthrough !== undefined) return knownPassthrough;
  const child = start("ffmpeg", ["-version"], signal);
  const [banner] = await finish(child, signal, Promise.all([text(child.stdout), text(child.stderr)]));
  const version = /^ffmpeg version n?(\d+)\.(\d+)/.exec(banner);
  // Builds from the repository carry no number (N-...); they are new.
  const old = version !== null && Number(version[1]) + Number(version[2]) / 100 < 5.01;
  knownPassthrough = old ? ["-vsync", "passthrough"] : ["-fps_mode", "passthrough"];
  return knownPassthrough;
}

/** Binary PPM pictures, one after the other: "P6\n<width> <height>\n255\n" and the samples. */
export async function* readPpm(stream: AsyncIterable<Uint8Array>): AsyncGenerator<OpaqueImage> {
  let header = "";
  let image: OpaqueImage | undefined;
  let filled = 0;
  for await (const chunk of stream) {
    let position = 0;
    while (position < chunk.length) {
      if (image === undefined) {
        header += String.fromCharCode(chunk[position++] ?? 0);
        image = parsePpmHeader(header);
        continue;
      }
      const part = chunk.subarray(position, position + image.data.length - filled);
      image.data.set(part, filled);
      filled += part.length;
      position += part.length;
      if (filled < image.data.length) continue;
      yield image;
      [header, image, filled] = ["", undefined, 0];
    }
  }
}

/** Undefined until the header is complete. */
function parsePpmHeader(header: string): OpaqueImage | undefined {
  const match = /^P6\s(\d+)\s(\d+)\s255\s$/.exec(header);
  if (match === null) {
    if (header.length > 40) throw new Error(`ffmpeg wrote no PPM picture but ${JSON.stringify(header)}`);
    return undefined;
  }
  const [width, height] = [Number(match[1]), Number(match[2])];
  return { mode: "RGB", width, height, data: new Uint8Array(width * height * 3) };
}

/** All text of a stream, but no more than anybody reads. */
async function text(stream: Readable): Promise<string> {
  const limit = 64 * 1024;
  let all = "";
  for await (const chunk of stream) if (all.length < limit) all += String(chunk);
  return all;
}

async function byteLength(stream: Readable): Promise<number> {
  let bytes = 0;
  for await (const chunk of stream) bytes += (chunk as Uint8Array).length;
  return bytes;
}

function brokenVideo(path: string, complaints: string): UserError {
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

function notInstalled(cause: Error): UserError {
  return new UserError(
    "ffmpeg and ffprobe are needed to read videos, and are not on the PATH",
    "Install them: apt-get install ffmpeg, dnf install ffmpeg or brew install ffmpeg",
    { cause },
  );
}
