import { describe, expect, test } from "vitest";
import { rgbTiff, tiff } from "../../fixtures/tiff.js";
import { readTiffHeader } from "./tiff-header.js";

const [TAG_STRIP_BYTES, ENTRY_BYTES] = [279, 12];

/** The same file with another type and count for its lengths of strips. */
function withStrips(type: number, count: number): Buffer {
  const file = rgbTiff(2, 2, new Uint8Array(12));
  const entries = file.readUInt16LE(8);
  for (let at = 10; at < 10 + entries * ENTRY_BYTES; at += ENTRY_BYTES) {
    if (file.readUInt16LE(at) !== TAG_STRIP_BYTES) continue;
    file.writeUInt16LE(type, at + 2);
    file.writeUInt32LE(count, at + 4);
  }
  return file;
}

describe("the header of a TIFF file", () => {
  test("sums the bytes of its strips", () => {
    expect(readTiffHeader(rgbTiff(2, 2, new Uint8Array(12)))).toMatchObject({ width: 2, height: 2, stripBytes: 12 });
    expect(readTiffHeader(tiff({ 256: [2], 257: [1] }, new Uint8Array(2), true))).toMatchObject({ stripBytes: 2 });
  });

  test("makes no sense with four billion numbers of a type that has no size", () => {
    for (const type of [0, 14, 15, 19, 0xffff])
      for (const count of [1, 2 ** 32 - 1]) expect(readTiffHeader(withStrips(type, count))).toBeUndefined();
  });

  test("makes no sense with more numbers than the file holds, or a directory without end", () => {
    expect(readTiffHeader(withStrips(4, 2 ** 31))).toBeUndefined();
    const big = tiff({ 256: [2], 257: [1] }, new Uint8Array(2), true);
    big.writeBigUInt64BE(2n ** 60n, 16);
    expect(readTiffHeader(big)).toBeUndefined();
  });
});
