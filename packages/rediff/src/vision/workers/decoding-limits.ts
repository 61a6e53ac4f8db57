/** What decoding one file may take, in a process of its own, and what is said of a file that takes more. */
import { UserError } from "../../errors.js";
import type { Death } from "../../threads/servants.js";
import type { ProcessSettings } from "../../threads/worker-pool.js";
import { formatBytes } from "../../units.js";
import { DEFAULT_MAX_PIXELS } from "../picture/decode-picture.js";
import { DECODER_THREADS } from "../video/video-limits.js";

export interface DecodingLimits {
  /** Bytes that decoding one picture may take, with everything that is in its process. */
  readonly memory: number;
  /** Of work on one picture; what it waits for others is not counted. */
  readonly seconds: number;
}

/** Node, the decoders' code, and the largest square that a thin picture is padded to (537 MB). */
const BASE_MEMORY = 768e6;

/** Measured at 48 megapixels, without the base: AVIF with alpha 21, lossless WebP 16, interlaced PNG of 16 bits 13. */
const BYTES_PER_PIXEL = 24;

/** No picture takes as long, on any machine that describes pictures. */
const DEFAULT_SECONDS = 300;

export function decodingLimits({ maxPixels = DEFAULT_MAX_PIXELS, seconds = DEFAULT_SECONDS }): DecodingLimits {
  return { memory: BASE_MEMORY + BYTES_PER_PIXEL * maxPixels, seconds };
}

/** A process has 80 to 120 MB when it has begun, and after most pictures. */
const KEPT_MEMORY = 400e6;

const IDLE_MS = 30_000;

/** What a process may use up in its life, besides the time for one picture. */
const LIFE_SECONDS = 1200;

export const processesUnder = ({ memory, seconds }: DecodingLimits): ProcessSettings => ({
  memory,
  // Half of it is left to a process that takes another job.
  cpuSeconds: 2 * (LIFE_SECONDS + seconds * DECODER_THREADS),
  keptMemory: KEPT_MEMORY,
  idleMs: IDLE_MS,
});

const OUT_OF_MEMORY = /out of memory|failed to allocate|(?:cannot|unable to) allocate|bad_alloc|allocation failed/i;

/** What is wrong with a file that a process has died of. */
export function deathError(name: string, { memory, seconds }: DecodingLimits, death: Death): Error {
  const { signal, what, said = "" } = death;
  if (OUT_OF_MEMORY.test(said)) return tookTooMuch(name, memory);
  if (signal === "SIGXCPU") return tookTooLong(name, seconds);
  if (signal === "SIGKILL" || signal === "SIGTERM")
    return new UserError(
      `${name}: the process that decoded it was killed, twice`,
      "If nobody did, the machine lacks memory: free some, or shrink the picture",
    );
  if (signal !== undefined)
    return new UserError(`${name}: decoding it crashed the decoder (${signal})`, "Save it again, with any program");
  return new Error(`${name}: the process that was to decode it ${what}${reasonIn(said)}`);
}

/** Of what Node says of an error that nobody has caught: the line that names it, and not where it was. */
function reasonIn(said: string): string {
  const lines = said.split("\n").map((line) => line.trim());
  const line = lines.find((each) => /^\w*Error\b/.test(each)) ?? lines.filter((each) => each !== "").at(-1);
  return line === undefined ? "" : ` (${line.slice(0, 200)})`;
}

/** The same error, or what it means: decoders that are refused memory often take the file for a damaged one. */
export function withoutRiddles(error: unknown, name: string, { memory }: DecodingLimits): unknown {
  if (!(error instanceof Error) || !OUT_OF_MEMORY.test(error.message.replace(name, ""))) return error;
  return tookTooMuch(name, memory);
}

export const tookTooLong = (name: string, seconds: number): UserError =>
  new UserError(
    `${name}: decoding it took longer than ${seconds} seconds`,
    "Shrink the picture, or save it in a simpler format: JPEG or PNG",
  );

const tookTooMuch = (name: string, memory: number): UserError =>
  new UserError(
    `${name}: decoding it needs more than ${formatBytes(memory)} of memory`,
    "Shrink the picture, or save it in a simpler format: JPEG or PNG",
  );
