// @ts-check
import assert from "node:assert/strict";
import {
  escapeMarkers,
  placePictures,
  settlePictures,
  splitMarkers,
  wordsOf,
} from "../../../../packages/rediff/dist/text/image-markers.js";
import { textOf, utf8 } from "../../bytes.mjs";
import { defineTarget } from "../../target.mjs";

export default defineTarget({
  covers: ["text/image-markers.js"],
  seeds: ["<image>\nWhat is this?", "a \\<image> b \\\\<image>", "", "<image><image> <image"].map(utf8),
  dictionary: ["<image>", "\\", "\\<image>", "<", "image>", "\n", " "],
  run(input) {
    const text = textOf(input);
    assert.deepEqual(splitMarkers(escapeMarkers(text)).join(""), text, "escaped markers are words");
    const parts = splitMarkers(text);
    assert.ok(parts.every((part) => part !== ""));
    const pictures = parts.filter((part) => part === null).length;
    assert.equal(placePictures(text, pictures), text);
    const settled = settlePictures([{ role: "user", content: text }], pictures + 1);
    for (const message of settled) wordsOf(message);
    return pictures > 0;
  },
});
