// @ts-check
import assert from "node:assert/strict";
import { movieIndexFirst } from "../../../../packages/rediff/dist/vision/video/faststart.js";
import { bytes, u32be, u64be } from "../../bytes.mjs";
import { defineTarget } from "../../target.mjs";

/** @param {string} type @param {...Uint8Array} content */
const box = (type, ...content) => bytes(u32be(8 + bytes(...content).length), type, ...content);
const chain = (/** @type {Uint8Array} */ inside) =>
  ["stbl", "minf", "mdia", "trak", "moov"].reduce((content, type) => box(type, content), inside);
const head = box("ftyp", bytes("isom"), u32be(512), bytes("isommp41"));
const data = box("mdat", bytes("frames of a video"));
const large = bytes(u32be(1), "mdat", u64be(24), "12345678");
const stco = chain(box("stco", u32be(0), u32be(2), u32be(head.length + 8), u32be(head.length + 12)));
const co64 = chain(box("co64", u32be(0), u32be(1), u64be(head.length + 8)));

export default defineTarget({
  covers: ["vision/video/faststart.js"],
  seeds: [
    bytes(head, data, stco),
    bytes(head, data, co64),
    bytes(head, large, co64, box("free")),
    bytes(head, stco, data),
  ],
  dictionary: [
    "ftyp",
    "moov",
    "mdat",
    "trak",
    "mdia",
    "minf",
    "stbl",
    "stco",
    "co64",
    "free",
    u32be(1),
    u32be(0),
    u32be(8),
  ],
  run(input) {
    const before = input.slice();
    const moved = movieIndexFirst(input);
    assert.deepEqual(input, before, "what was given is left as it was");
    assert.equal(moved.length, input.length);
    return moved !== input;
  },
});
