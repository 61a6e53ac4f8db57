/** ffmpeg and ffprobe as processes: started under limits, read to their end, killed when nobody wants them any more. */
import { type ChildProcess, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { UserError } from "../../errors.js";
import { underLimits } from "../../threads/limited-process.js";
import type { Size } from "../tiles/anyres.js";
import { CONTAINERS, codedPixels, DECODER_THREADS, tooLargeFrame, tooMuchMemory } from "./video-limits.js";

/** A path, or a file's bytes and how messages call it. Bytes go through a pipe: nothing is written to a disk, and there
 *  is no file that they could name. */
export type VideoSource = string | { readonly name: string; readonly bytes: Uint8Array };

export const videoName = (source: VideoSource): string => (typeof source === "string" ? source : source.name);

/** What one process may use. */
export interface DecoderBounds {
  /** Of each frame of each stream. */
  readonly maxPixels: number;
  /** Bytes. */
  readonly memory: number;
  /** Of all threads, should this process no longer be there to stop it. */
  readonly cpuSeconds: number;
  readonly signal?: AbortSignal | undefined;
}

/** Options of a program that reads `source`, without the option that names it, and the name. */
export function inputOptions(source: VideoSource, { maxPixels }: DecoderBounds): { options: string[]; url: string } {
  const [protocols, url] = typeof source === "string" ? ["file,pipe", `file:${source}`] : ["pipe", "pipe:0"];
  return {
    options: [
      ...["-protocol_whitelist", protocols, "-format_whitelist", CONTAINERS],
      ...["-max_pixels", String(codedPixels(maxPixels)), "-threads", String(DECODER_THREADS)],
    ],
    url,
  };
}

interface Decoder {
  readonly process: ChildProcess;
  readonly stdout: Readable;
  readonly reports: Readable;
  readonly said: Promise<Said>;
  /** The program did not start, or was killed by the signal. */
  readonly failed: Promise<Error>;
}

export function startDecoder(
  program: "ffmpeg" | "ffprobe",
  args: readonly string[],
  bounds: DecoderBounds,
  source?: VideoSource,
): Decoder {
  const { signal } = bounds;
  signal?.throwIfAborted();
  const bytes = typeof source === "object" ? source.bytes : undefined;
  const { command, args: limited } = underLimits(program, args, bounds);
  const process = spawn(command, limited, {
    stdio: [bytes === undefined ? "ignore" : "pipe", "pipe", "pipe", "pipe"],
    killSignal: "SIGKILL",
    windowsHide: true,
    ...(signal === undefined ? {} : { signal }),
  });
  const [stdin, stdout, stderr, reports] = process.stdio;
  // A program that has seen enough closes the pipe; what it thought of the rest is on its standard error.
  stdin?.on("error", () => undefined).end(bytes);
  const failed = new Promise<Error>((resolve) => process.on("error", resolve));
  const said = listen(stderr as Readable, bounds.maxPixels, () => process.kill("SIGKILL"));
  return { process, stdout: stdout as Readable, reports: reports as Readable, said, failed };
}

/** What was read from the pipes, once the program has ended, and what it complained about. That it did not start, or was
 *  stopped by the signal or by a limit, is told before what its pipes then suffer.
 *  @throws UserError for a program that is not there, and for a frame or a need of memory beyond the bounds */
export async function finish<T>(
  { process, said, failed }: Decoder,
  bounds: DecoderBounds,
  name: string,
  reading: Promise<T>,
): Promise<{ read: T; complaints: string }> {
  const settled = Promise.allSettled([reading, said]);
  const closed = new Promise<undefined>((resolve) => process.once("close", () => resolve(undefined)));
  const failure = await Promise.race([closed, failed]);
  await settled;
  bounds.signal?.throwIfAborted();
  if (failure !== undefined) throw "code" in failure && failure.code === "ENOENT" ? notInstalled(failure) : failure;
  if (process.exitCode === NO_PROGRAM) throw notInstalled(new Error("the shell found no such program"));
  const { complaints, tooLarge } = await said;
  if (tooLarge !== undefined) throw tooLargeFrame(name, tooLarge.width, tooLarge.height, bounds.maxPixels);
  if (OUT_OF_MEMORY.test(complaints) || wasKilled(process)) throw tooMuchMemory(name, bounds.memory);
  return { read: await reading, complaints };
}

/** Of a shell. */
const NO_PROGRAM = 127;

/** Two voices: a codec that is told to make a larger frame than it may, and a filter that gets one of another size. */
const LARGE_FRAME =
  /Picture size (?<width>\d+)x(?<height>\d+) exceeds specified max|incoming frame - w: ?(?<w>\d+) h: ?(?<h>\d+)/;

function frameIn(line: string): Size | undefined {
  const { width, height, w = width, h = height } = LARGE_FRAME.exec(line)?.groups ?? {};
  return w === undefined ? undefined : { width: Number(w), height: Number(h) };
}

const OUT_OF_MEMORY =
  /Cannot allocate memory|Could not allocate|Failed to allocate|out of memory|bad_alloc|initFilter failed|get_encode_buffer\(\) failed/i;

/** A decoder that is refused memory often falls over it. */
const wasKilled = ({ signalCode }: ChildProcess): boolean =>
  signalCode === "SIGSEGV" || signalCode === "SIGABRT" || signalCode === "SIGBUS" || signalCode === "SIGTRAP";

/** Characters of complaints that anybody reads. */
const MOST_TEXT = 64 * 1024;

/** `-v` for complaints, and for what filters say of frames that change; each line says how grave it is. */
export const LOG_LEVELS = { complaints: "level+error", frames: "level+info" } as const;

/** "[h264 @ 0x5581] [error] no frame!"; lines without a level go on with what was said before. */
const LOG_LINE = /^(?:\[[^\]]* @ [^\]]*\] )*\[(?<level>\w+)\] /;

interface Said {
  /** A line each, no more than anybody reads. */
  readonly complaints: string;
  /** A frame with more pixels than are allowed. */
  readonly tooLarge: Size | undefined;
}

/** @param onTooLarge called for the first frame that is too large: all after it would be decoded, too, or refused one by
 *  one */
async function listen(stream: Readable, maxPixels: number, onTooLarge: () => void): Promise<Said> {
  let complaints = "";
  let tooLarge: Size | undefined;
  const hear = (line: string) => {
    const frame = tooLarge === undefined ? frameIn(line) : undefined;
    if (frame !== undefined && frame.width * frame.height > maxPixels) {
      tooLarge = frame;
      onTooLarge();
    }
    const level = LOG_LINE.exec(line)?.groups?.level;
    const isComplaint = level === "error" || level === "fatal" || level === "panic";
    if (isComplaint && complaints.length < MOST_TEXT) complaints += `${line.replace(`[${level}] `, "")}\n`;
  };
  let rest = "";
  for await (const chunk of stream.setEncoding("utf8") as AsyncIterable<string>) {
    const lines = (rest + chunk).split(/[\n\r]/);
    rest = (lines.pop() ?? "").slice(0, MOST_TEXT);
    for (const line of lines) hear(line);
  }
  hear(rest);
  return { complaints, tooLarge };
}

/** All text of a stream; undefined when it is longer than what anybody would read. */
export async function textOf(stream: Readable): Promise<string | undefined> {
  let all = "";
  for await (const chunk of stream.setEncoding("utf8") as AsyncIterable<string>)
    if (all.length < MOST_TEXT) all += chunk;
  return all.length < MOST_TEXT ? all : undefined;
}

/** The last lines of a stream. */
export async function endOf(stream: Readable): Promise<string> {
  let end = "";
  for await (const chunk of stream.setEncoding("utf8") as AsyncIterable<string>) end = (end + chunk).slice(-MOST_END);
  return end;
}

const MOST_END = 4096;

function notInstalled(cause: Error): UserError {
  return new UserError(
    "ffmpeg and ffprobe are needed to read videos, and are not on the PATH",
    "Install them: apt-get install ffmpeg, dnf install ffmpeg or brew install ffmpeg",
    { cause },
  );
}
