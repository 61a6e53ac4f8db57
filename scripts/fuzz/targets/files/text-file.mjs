// @ts-check
import assert from "node:assert/strict";
import { isUtf8 } from "node:buffer";
import { mistakenFile } from "../../../../packages/rediff/dist/files/mistaken-file.js";
import { decodeFile, notUtf8At } from "../../../../packages/rediff/dist/files/utf8-text.js";
import { utf8 } from "../../bytes.mjs";
import { defineTarget } from "../../target.mjs";

/** Texts in UTF-8, and guesses at what is none. */
export default defineTarget({
  covers: ["files/utf8-text.js", "files/likely-encoding.js", "files/mistaken-file.js"],
  seeds: [
    utf8("Größe €𝄞\n"),
    new Uint8Array(Buffer.from("Größe", "latin1")),
    new Uint8Array(Buffer.from("\ufeffab", "utf16le")),
    utf8("<!doctype html>\n<p>"),
    utf8("version https://git-lfs.github.com/spec/v1\n"),
  ],
  dictionary: [
    "\ufeff",
    new Uint8Array([0xff, 0xfe]),
    new Uint8Array([0xed, 0xa0, 0x80]),
    new Uint8Array([0xf4, 0x90]),
    "PK\x03\x04",
    "<html",
    "\0",
    "Entry not found",
  ],
  run(input) {
    assert.equal(notUtf8At(input) < 0, isUtf8(input));
    mistakenFile(input);
    return decodeFile(input, "text.txt");
  },
});
