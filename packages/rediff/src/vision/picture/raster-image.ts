/** A decoded picture, in the modes that Pillow would give it.
 *
 *  The mode matters beyond the number of channels: Pillow resizes palette and bilevel pictures with nearest
 *  neighbour, and pictures with alpha premultiplied. A palette is looked up at decoding, which is the same under
 *  nearest neighbour, so `P` has three channels here; 16-bit grey (`I;16`) is 8 bits when it leaves the decoder. */

import type { Size } from "../tiles/anyres.js";

export type Mode = "1" | "L" | "LA" | "P" | "RGB" | "RGBA" | "CMYK" | "I;16";

/** Bytes per pixel in `RasterImage.data`. */
export const CHANNELS: Readonly<Record<Mode, 1 | 2 | 3 | 4>> = {
  "1": 1,
  L: 1,
  LA: 2,
  P: 3,
  RGB: 3,
  RGBA: 4,
  CMYK: 4,
  "I;16": 1,
};

export interface RasterImage extends Size {
  readonly mode: Mode;
  /** [height, width, CHANNELS[mode]], 8 bits. */
  readonly data: Uint8Array;
}

/** A picture of one grey or three colour channels. */
export interface OpaqueImage extends RasterImage {
  readonly mode: "L" | "RGB";
}

/** Pillow's `convert("RGB")`, except that grey stays one channel: whatever follows treats channels alike. */
export function withoutAlpha(image: RasterImage): OpaqueImage {
  const { width, height, data, mode } = image;
  switch (mode) {
    case "1":
    case "L":
    case "I;16":
      return { mode: "L", width, height, data };
    case "P":
    case "RGB":
      return { mode: "RGB", width, height, data };
    case "LA":
      return { mode: "L", width, height, data: takeChannels(data, 2, 1) };
    case "RGBA":
      return { mode: "RGB", width, height, data: takeChannels(data, 4, 3) };
    case "CMYK":
      return { mode: "RGB", width, height, data: cmykToRgb(data) };
  }
}

function takeChannels(data: Uint8Array, from: number, to: number): Uint8Array {
  const taken = new Uint8Array((data.length / from) * to);
  for (let source = 0, target = 0; source < data.length; source += from, target += to) {
    for (let channel = 0; channel < to; channel++) taken[target + channel] = data[source + channel] ?? 0;
  }
  return taken;
}

/** r = (255 - k) - (255 - k) c / 255 with Pillow's rounded division; no colour profile takes part. */
function cmykToRgb(data: Uint8Array): Uint8Array {
  const rgb = new Uint8ClampedArray((data.length / 4) * 3);
  for (let source = 0, target = 0; source < data.length; source += 4, target += 3) {
    const light = 255 - (data[source + 3] ?? 0);
    for (let channel = 0; channel < 3; channel++) {
      rgb[target + channel] = light - multiplyDivide255(light, data[source + channel] ?? 0);
    }
  }
  return new Uint8Array(rgb.buffer);
}

/** a b / 255, rounded, in integers, as Pillow does it everywhere. */
export function multiplyDivide255(a: number, b: number): number {
  const product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}
