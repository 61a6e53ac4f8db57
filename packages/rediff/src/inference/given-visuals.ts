/** Pictures and videos in the forms in which applications have them, to paths and files' bytes. */
import { fileURLToPath } from "node:url";
import { UserError } from "../errors.js";
import { shownValue } from "../options/issue-text.js";
import { parseDataUrl } from "../vision/data-url.js";
import type { PictureSource, VideoSource } from "../vision/index.js";
import { isVideoName } from "../vision/video/video-names.js";

/** The bytes of a file, in any of JavaScript's forms. */
export type FileBytes = ArrayBuffer | SharedArrayBuffer | NodeJS.ArrayBufferView | Blob;

/** A picture: a path, a data: URL, an address (file:, data:, http:, https:), or the bytes of a file. What has a video's name
 *  or type is one. */
export type GivenPicture = string | URL | FileBytes;

/** The same, said to be a video; or a folder of frames. */
export type GivenVideo = GivenPicture | { readonly name: string; readonly bytes: Uint8Array };

/** What the readers of files take. */
export type PlainVisual = PictureSource | { video: VideoSource };

/** Bytes of what is fetched, and for how long. */
const MOST_FETCHED = 256 << 20;
const FETCH_SECONDS = 60;

/** @throws UserError for a value that is none of them, and for an address that does not answer with a file */
export async function plainVisual(
  source: GivenPicture | { video: GivenVideo },
  signal?: AbortSignal,
): Promise<PlainVisual> {
  if (!isSaidVideo(source)) {
    const { type, name, plain } = await plainFile(source, "image", signal);
    const isVideo = type.startsWith("video/") || (typeof plain !== "string" && isVideoName(name));
    return isVideo ? { video: asVideo(plain, name) } : plain;
  }
  const { video } = source;
  if (isNamedVideo(video)) return { video };
  const { plain, name } = await plainFile(video, "video", signal);
  return { video: asVideo(plain, name || "video") };
}

interface PlainFile {
  plain: PictureSource;
  /** As its owner says; "" where nobody does. */
  type: string;
  name: string;
}

async function plainFile(
  source: GivenPicture,
  kind: "image" | "video",
  signal: AbortSignal | undefined,
): Promise<PlainFile> {
  if (source instanceof Uint8Array) return { plain: source, type: "", name: "" };
  if (ArrayBuffer.isView(source))
    return { plain: new Uint8Array(source.buffer, source.byteOffset, source.byteLength), type: "", name: "" };
  if (source instanceof ArrayBuffer || source instanceof SharedArrayBuffer)
    return { plain: new Uint8Array(source), type: "", name: "" };
  if (source instanceof Blob) {
    const name = "name" in source && typeof source.name === "string" ? source.name : "";
    return { plain: new Uint8Array(await source.arrayBuffer()), type: source.type, name };
  }
  if (typeof source === "string") return isAddress(source) ? fromAddress(new URL(source), kind, signal) : path(source);
  if (source instanceof URL) return fromAddress(source, kind, signal);
  throw new UserError(
    `a picture is a path, a URL, or a file's bytes (also a Blob), a video {"video": ...}, got ${shownValue(source)}`,
  );
}

const path = (plain: string): PlainFile => ({ plain, type: "", name: plain });

/** A path may have a colon, but does not begin like these. */
const isAddress = (text: string): boolean =>
  /^(data:[^,]{0,1000},|https?:\/\/|file:\/\/)/i.test(text) && URL.canParse(text);

async function fromAddress(url: URL, kind: "image" | "video", signal: AbortSignal | undefined): Promise<PlainFile> {
  switch (url.protocol) {
    case "file:":
      return path(localPath(url));
    case "data:": {
      const type = /^data:\s*(video\/)?/i.exec(url.href)?.[1]?.toLowerCase() ?? "";
      return { plain: parseDataUrl(url.href, type === "" ? kind : "video", MOST_FETCHED), type, name: "" };
    }
    case "http:":
    case "https:":
      return fetched(url, signal);
    default:
      throw new UserError(`${shownUrl(url)} is no address of a picture`, "Use file:, data:, http: or https:.");
  }
}

function localPath(url: URL): string {
  try {
    return fileURLToPath(url);
  } catch (cause) {
    throw new UserError(`${shownUrl(url)} is no path on this machine`, undefined, { cause });
  }
}

/** The application chose the address: it may be any. */
async function fetched(url: URL, signal: AbortSignal | undefined): Promise<PlainFile> {
  const time = AbortSignal.timeout(FETCH_SECONDS * 1000);
  try {
    const answer = await fetch(url, { signal: signal === undefined ? time : AbortSignal.any([time, signal]) });
    if (!answer.ok || answer.body === null) throw new UserError(`${shownUrl(url)} answers ${answer.status}`);
    const type = answer.headers.get("content-type") ?? "";
    return { plain: await atMost(answer.body, url), type, name: url.pathname };
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof UserError) throw cause;
    const why = time.aborted ? `no answer in ${FETCH_SECONDS} seconds` : reason(cause);
    throw new UserError(`${shownUrl(url)} cannot be fetched: ${why}`, undefined, { cause });
  }
}

async function atMost(body: ReadableStream<Uint8Array>, url: URL): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of body) {
    size += piece.length;
    if (size > MOST_FETCHED) throw new UserError(`${shownUrl(url)} is larger than ${MOST_FETCHED >> 20} MiB`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** fetch says "fetch failed", and why in its cause. */
function reason(error: unknown): string {
  const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return inner instanceof Error ? inner.message || inner.name : String(inner);
}

const shownUrl = ({ href }: URL): string => (href.length > 200 ? `${href.slice(0, 200)}...` : href);

const isSaidVideo = (source: unknown): source is { video: GivenVideo } =>
  typeof source === "object" && source !== null && "video" in source;

const isNamedVideo = (video: GivenVideo): video is { readonly name: string; readonly bytes: Uint8Array } =>
  typeof video === "object" && "bytes" in video && video.bytes instanceof Uint8Array;

const asVideo = (plain: PictureSource, name: string): VideoSource =>
  typeof plain === "string" ? plain : { name: name || "video", bytes: plain };
