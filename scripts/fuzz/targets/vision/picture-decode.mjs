// @ts-check
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import sharp from "sharp";
import { UserError } from "../../../../packages/rediff/dist/errors.js";
import { decodePicture } from "../../../../packages/rediff/dist/vision/picture/decode-picture.js";
import { readPictureSize } from "../../../../packages/rediff/dist/vision/picture/picture-size.js";
import { bytes } from "../../bytes.mjs";
import { defineTarget } from "../../target.mjs";

/** @param {string} name of a picture of the tests */
const fixture = (name) =>
  new Uint8Array(readFileSync(new URL(`../../../../packages/rediff/src/vision/fixtures/${name}`, import.meta.url)));

const small = sharp({ create: { width: 8, height: 6, channels: 3, background: "#804020" } });
const turned = small.clone().withMetadata({ orientation: 6 });
const encoded = await Promise.all([
  turned.clone().jpeg().toBuffer(),
  small.clone().withIccProfile("p3").jpeg({ progressive: true }).toBuffer(),
  small.clone().png({ palette: true }).toBuffer(),
  small.clone().png({ compressionLevel: 0 }).toBuffer(),
  small.clone().webp({ lossless: true }).toBuffer(),
  turned.clone().webp().toBuffer(),
  small.clone().gif().toBuffer(),
  small.clone().avif({ lossless: true, effort: 0 }).toBuffer(),
  small.clone().tiff({ compression: "none" }).toBuffer(),
  small.clone().tiff({ compression: "lzw" }).toBuffer(),
]);

/** Whole pictures, to their pixels: headers, EXIF orientation and colour profiles, and the decoders of sharp. */
export default defineTarget({
  covers: [
    "vision/picture/decode-picture.js",
    "vision/picture/picture-size.js",
    "vision/picture/jpeg-header.js",
    "vision/picture/plausible-size.js",
    "vision/picture/bmp.js",
    "tiff/tiff-colors.js",
  ],
  seeds: [
    ...encoded.map((picture) => new Uint8Array(picture)),
    ...["bilevel.bmp", "runs8.bmp", "small_frame.gif"].map(fixture),
  ],
  dictionary: [
    "\xff\xd8",
    "\xff\xe1",
    "Exif\0\0",
    "\x12\x01\x03\0\x01\0\0\0\x06\0\0\0",
    "ICC_PROFILE\0",
    "\xff\xc0",
    "\xff\xc2",
    "IDAT",
    "PLTE",
    "tRNS",
    "acTL",
    "VP8 ",
    "VP8L",
    "VP8X",
    "\x2c",
    "\x21\xf9\x04",
    bytes([0xff, 0xda]),
  ],
  maxBytes: 1 << 16,
  async run(input) {
    const options = { maxPixels: 1 << 16 };
    const { width, height, data, mode } = await decodePicture(input, options);
    assert.equal(data.length, width * height * (mode === "L" ? 1 : 3));
    assert.deepEqual(await sizeOf(input, options), { width, height });
  },
});

/** @param {Uint8Array} input @param {{ maxPixels: number }} options */
async function sizeOf(input, options) {
  try {
    const { width, height } = await readPictureSize(input, {
      ...options,
      aspectRatio: { kind: "pad" },
      pinpoints: [],
      tileSize: 28,
    });
    return { width, height };
  } catch (error) {
    assert.ok(error instanceof UserError, String(error));
    return error.message;
  }
}
