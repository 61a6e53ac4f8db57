/** A file as a picture that a request can carry: of the usual formats and not too large it goes as it is, all else is drawn
 *  anew, as the browser shows it; what the browser cannot read (HEIC, TIFF), the server draws. The page shows what is
 *  sent. */
import type { Redrawn } from "../server/messages.js";
import { Problem } from "../server/problem.js";
import type { PictureFile } from "./picture-state.js";

/** Of the largest view of the model: so the last resizing is the server's, which is as in training. */
const ROOM = 2;
/** Bytes: of a picture that is small enough, a file larger than this is not kept as it is. */
const MAX_BYTES = 4_000_000;
/** Bytes of a PNG from which on a JPEG is sent instead. */
const MAX_PNG = 6_000_000;
const JPEG_QUALITY = 0.95;

/** Has the server read a file. @param maxSide pixels of the longer side at most; undefined for as it is */
export type AskServer = (file: File, maxSide: number | undefined) => Promise<Redrawn>;

/** @param largestView longer side in pixels of what the model sees of a picture; 0 where it is not known yet
 *  @throws Problem that says what is wrong with the file, and what to do; whatever `askServer` throws */
export async function fitting(file: File, largestView: number, askServer: AskServer): Promise<PictureFile> {
  const name = nameOf(file);
  const format = formatOf(new Uint8Array(await bytesOf(file, name)));
  const image = await decoded(file);
  if (image === undefined) return { name, ...(await readByServer(file, format, largestView, askServer)) };
  const original = { width: image.naturalWidth, height: image.naturalHeight };
  const side = sideFor(original, largestView);
  const isSmall = side >= Math.max(original.width, original.height) && file.size <= MAX_BYTES;
  if (isSmall && isSent(format)) return { name, ...original, url: await dataUrl(file, `image/${format}`), original };
  const size = scaled(original, side);
  return { name, ...size, url: await drawn(image, size, name), original };
}

export const nameOf = (file: File): string => (file.name === "" ? "pasted picture" : file.name);

/** Longer side to send. */
export function sideFor({ width, height }: { width: number; height: number }, largestView: number): number {
  const longer = Math.max(width, height);
  return largestView === 0 ? longer : Math.min(longer, ROOM * largestView);
}

export function scaled({ width, height }: { width: number; height: number }, side: number) {
  const factor = Math.min(1, side / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * factor)), height: Math.max(1, Math.round(height * factor)) };
}

export type Format = "jpeg" | "png" | "webp" | "gif" | "bmp" | "tiff" | "heic" | "avif" | "other";

/** Shown by every browser and read by every server. */
const isSent = (format: Format): boolean => ["jpeg", "png", "webp", "gif"].includes(format);

/** By the first bytes: names and types of files are often wrong. */
export function formatOf(bytes: Uint8Array): Format {
  const text = String.fromCharCode(...bytes.subarray(0, 32));
  if (text.startsWith("\xff\xd8\xff")) return "jpeg";
  if (text.startsWith("\x89PNG\r\n\x1a\n")) return "png";
  if (text.startsWith("RIFF") && text.slice(8, 12) === "WEBP") return "webp";
  if (/^GIF8[79]a/.test(text)) return "gif";
  if (text.startsWith("BM")) return "bmp";
  if (text.startsWith("II*\0") || text.startsWith("MM\0*") || text.startsWith("II+\0") || text.startsWith("MM\0+"))
    return "tiff";
  if (text.slice(4, 8) !== "ftyp") return "other";
  const brands = text.slice(8);
  if (/avif|avis/.test(brands)) return "avif";
  return /heic|heix|hevc|heim|heis|mif1/.test(brands) ? "heic" : "other";
}

async function bytesOf(file: File, name: string): Promise<ArrayBuffer> {
  try {
    return await file.slice(0, 64).arrayBuffer();
  } catch {
    throw new Problem("bad-file", `${name} cannot be read. Is it still there?`);
  }
}

/** Upright, as its EXIF data says: browsers turn what they show and draw, and the server turns what it is sent.
 *  Undefined for what this browser cannot read. */
async function decoded(file: File): Promise<HTMLImageElement | undefined> {
  const image = new Image();
  const url = URL.createObjectURL(file);
  image.src = url;
  try {
    await image.decode();
    return image.naturalWidth === 0 || image.naturalHeight === 0 ? undefined : image; // a drawing may have no size
  } catch {
    return undefined;
  } finally {
    // The decoded picture stays.
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  }
}

async function readByServer(file: File, format: Format, largestView: number, askServer: AskServer) {
  const name = nameOf(file);
  if (format === "other") {
    const advice = "Choose a picture: JPEG, PNG, WebP, GIF, HEIC, TIFF, AVIF or BMP.";
    throw new Problem("bad-file", `${name} is not a picture that can be read. ${advice}`);
  }
  try {
    return await askServer(file, largestView === 0 ? undefined : ROOM * largestView);
  } catch (thrown) {
    if (!(thrown instanceof Problem)) throw thrown;
    // What the server has against the file is about this file, whatever it calls it.
    if (thrown.kind === "refused") throw new Problem("bad-file", thrown.message.replace(/^the picture\b/, name));
    throw thrown;
  }
}

async function drawn(image: HTMLImageElement, size: { width: number; height: number }, name: string): Promise<string> {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, size);
  const context = canvas.getContext("2d");
  if (context === null) throw new Problem("bad-file", `${name} is too large for this browser. Make it smaller.`);
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, size.width, size.height);
  const png = await blobOf(canvas, "image/png");
  if (png !== null && png.size <= MAX_PNG) return await dataUrl(png, "image/png");
  // JPEG has no transparency: what is clear would become black.
  context.globalCompositeOperation = "destination-over";
  context.fillStyle = "#fff";
  context.fillRect(0, 0, size.width, size.height);
  const jpeg = await blobOf(canvas, "image/jpeg", JPEG_QUALITY);
  if (jpeg === null) throw new Problem("bad-file", `${name} is too large for this browser. Make it smaller.`);
  return await dataUrl(jpeg, "image/jpeg");
}

function blobOf(canvas: HTMLCanvasElement, type: string, quality?: number): Promise<Blob | null> {
  return new Promise((done) => canvas.toBlob(done, type, quality));
}

function dataUrl(file: Blob, type: string): Promise<string> {
  return new Promise((done, fail) => {
    const reader = new FileReader();
    reader.onload = () => done(String(reader.result).replace(/^data:[^;,]*/, `data:${type}`));
    reader.onerror = () => fail(new Problem("bad-file", "The picture cannot be read. Is it still there?"));
    reader.readAsDataURL(file.slice(0, file.size, type));
  });
}
