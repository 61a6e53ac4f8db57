// @ts-check
import assert from "node:assert/strict";
import { UserError } from "../../../../packages/rediff/dist/errors.js";
import { readPpm } from "../../../../packages/rediff/dist/vision/video/ppm.js";
import { bytes } from "../../bytes.mjs";
import { defineTarget } from "../../target.mjs";

const frame = bytes("P6\n2 1\n255\n", [1, 2, 3, 4, 5, 6]);
const MOST_PIXELS = 1 << 16;

/** Frames as ffmpeg writes them, in pieces as a pipe gives them. */
export default defineTarget({
  covers: ["vision/video/ppm.js"],
  seeds: [frame, bytes(frame, frame, "P6\n1 1\n255\n", [7, 8, 9])],
  dictionary: ["P6\n", "255\n", "P6\n99999999999 1\n255\n", "P6\n0 0\n255\n", " ", "\n"],
  // What is no frame is a fault of ffmpeg's and not of the user's.
  refusals: [Error],
  async run(input) {
    async function* pieces() {
      for (let at = 0; at < input.length; at += 5) yield input.subarray(at, at + 5);
    }
    let frames = 0;
    for await (const { width, height, data } of readPpm(pieces(), ({ width, height }) => {
      if (width * height > MOST_PIXELS) throw new UserError("too large");
    })) {
      assert.equal(data.length, 3 * width * height);
      frames++;
    }
    return frames > 0;
  },
});
