/** What the markers of a JPEG promise. Structure: ITU T.81, annex B. */
import type { Size } from "../tiles/anyres.js";

export interface JpegHeader extends Size {
  /** Passes over the picture; a progressive file has about ten. */
  readonly scans: number;
  /** Bits that the smallest file of such a size has; 0 where nothing can be said. */
  readonly leastBits: number;
}

const [START_OF_SCAN, END, TEMPORARY, ARITHMETIC] = [0xda, 0xd9, 0x01, 0xcc];
/** Frames: C0 to CF without the tables among them. */
const isFrame = (marker: number): boolean => (marker & 0xf0) === 0xc0 && ![0xc4, 0xc8, ARITHMETIC].includes(marker);
const isRestart = (marker: number): boolean => marker >= 0xd0 && marker <= 0xd7;

/** Undefined when there is no frame. Only markers are looked at. */
export function readJpegHeader(bytes: Uint8Array): JpegHeader | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let frame: Omit<JpegHeader, "scans"> | undefined;
  let scans = 0;
  for (let at = 2; at + 4 <= bytes.length; ) {
    const next = bytes.indexOf(0xff, at);
    if (next < 0 || next + 4 > bytes.length) break;
    const marker = bytes[next + 1] ?? 0;
    at = next + (marker === 0xff ? 1 : 2);
    // Filled up, or within the data of a scan, where FF is followed by 0.
    if (marker === 0xff || marker === 0 || marker === TEMPORARY || isRestart(marker)) continue;
    if (marker === END) break;
    if (marker === START_OF_SCAN) scans++;
    const length = view.getUint16(at);
    if (isFrame(marker) && frame === undefined && at + length <= bytes.length) frame = readFrame(view, at, marker);
    at += Math.max(length, 2);
  }
  return frame && { ...frame, scans };
}

function readFrame(view: DataView, at: number, marker: number): Omit<JpegHeader, "scans"> {
  const [height, width, components] = [view.getUint16(at + 3), view.getUint16(at + 5), view.getUint8(at + 7)];
  const factors = Array.from({ length: components }, (_, i) => {
    const place = at + 9 + 3 * i;
    const both = place < view.byteLength ? view.getUint8(place) : 0x11;
    return { across: both >> 4 || 1, down: both & 15 || 1 };
  });
  const across = Math.max(1, ...factors.map((factor) => factor.across));
  const down = Math.max(1, ...factors.map((factor) => factor.down));
  const units = Math.ceil(width / (8 * across)) * Math.ceil(height / (8 * down));
  const blocks =
    components === 1
      ? Math.ceil(width / 8) * Math.ceil(height / 8)
      : units * factors.reduce((sum, factor) => sum + factor.across * factor.down, 0);
  // By Huffman's code each block has a bit for its mean at least, and a sequential one another for its end.
  const bits = marker === 0xc2 ? 1 : marker <= 0xc1 ? 2 : 0;
  return { width, height, leastBits: blocks * bits };
}
