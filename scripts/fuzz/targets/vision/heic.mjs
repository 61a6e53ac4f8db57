// @ts-check
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { decodePicture } from "../../../../packages/rediff/dist/vision/picture/decode-picture.js";
import { defineTarget } from "../../target.mjs";

const color = readFileSync(new URL("../../../../packages/rediff/src/vision/fixtures/color.heic", import.meta.url));

/** Each picture has an instance of the decoder of its own, which takes most of the time. */
export default defineTarget({
  covers: ["vision/picture/heic.js"],
  seeds: [new Uint8Array(color)],
  dictionary: ["ftyp", "heic", "meta", "iprp", "ipco", "ispe", "irot", "imir", "hvcC", "pitm", "iloc", "iinf", "infe"],
  maxBytes: 1 << 16,
  most: 1000,
  async run(input) {
    const { width, height, data } = await decodePicture(input, { maxPixels: 1 << 16 });
    assert.equal(data.length, width * height * 3);
  },
});
