// @ts-check
import { readTiffHeader } from "../../../../packages/rediff/dist/vision/picture/tiff/tiff-header.js";
import { bytes, integer } from "../../bytes.mjs";
import { defineTarget } from "../../target.mjs";

/** @param {boolean} isLittle @param {readonly (readonly [tag: number, type: number, values: readonly number[]])[]} tags */
function tiff(isLittle, tags) {
  const int = (/** @type {number} */ width, /** @type {number} */ value) => integer(width, value, isLittle);
  const widths = [0, 1, 1, 2, 4];
  const after = 8 + 2 + tags.length * 12 + 4;
  let far = bytes();
  const entries = tags.map(([tag, type, values]) => {
    const data = bytes(...values.map((value) => int(widths[type] ?? 4, value)));
    const place = data.length <= 4 ? bytes(data, [0, 0, 0, 0]).subarray(0, 4) : int(4, after + far.length);
    if (data.length > 4) far = bytes(far, data);
    return bytes(int(2, tag), int(2, type), int(4, values.length), place);
  });
  return bytes(isLittle ? "II*\0" : "MM\0*", int(4, 8), int(2, tags.length), ...entries, int(4, 0), far);
}

const rgb = /** @type {const} */ ([
  [256, 3, [2]],
  [257, 4, [3]],
  [258, 3, [8, 8, 8]],
  [259, 3, [1]],
  [262, 3, [2]],
  [277, 3, [3]],
  [279, 4, [12, 6]],
  [284, 3, [1]],
]);

export default defineTarget({
  covers: ["vision/picture/tiff/tiff-header.js"],
  seeds: [
    tiff(true, rgb),
    tiff(false, rgb),
    tiff(true, [
      ...rgb,
      [339, 3, [1, 1, 1]],
      [529, 4, [299, 587, 114]],
      [530, 3, [2, 2]],
      [532, 4, [0, 255, 128, 255, 128, 255]],
    ]),
    bytes(
      "II+\0",
      [8, 0, 0, 0],
      [16, 0, 0, 0, 0, 0, 0, 0],
      [1, 0, 0, 0, 0, 0, 0, 0],
      [0, 1, 4, 0],
      [1, 0, 0, 0, 0, 0, 0, 0],
      [9, 0, 0, 0, 0, 0, 0, 0],
    ),
  ],
  dictionary: [
    "II*\0",
    "MM\0*",
    "II+\0",
    "MM\0+",
    ...rgb.map(([tag]) => integer(2, tag, true)),
    integer(2, 279, false),
  ],
  run: (input) => readTiffHeader(input) !== undefined,
});
