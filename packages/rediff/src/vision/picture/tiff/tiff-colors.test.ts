import { describe, expect, it } from "vitest";
import { UserError } from "../../../errors.js";
import { rgbTiff, tiff } from "../../fixtures/tiff.js";
import { decodePicture } from "../decode-picture.js";

// That YCbCr, CMYK of 16 bits and palettes equal Pillow is in decode-picture.test.ts.

describe("TIFF orientation", () => {
  /** Where the pixel of a column and a row of the stored 3 x 2 picture goes. Pillow 10.3 does so while it loads a TIFF. */
  const upright: Record<number, (x: number, y: number) => [number, number]> = {
    1: (x, y) => [x, y],
    2: (x, y) => [2 - x, y],
    3: (x, y) => [2 - x, 1 - y],
    4: (x, y) => [x, 1 - y],
    5: (x, y) => [y, x],
    6: (x, y) => [1 - y, x],
    7: (x, y) => [1 - y, 2 - x],
    8: (x, y) => [y, 2 - x],
  };

  it.each([1, 2, 3, 4, 5, 6, 7, 8])("%i: upright, also where pictures stay as they are stored", async (orientation) => {
    const pixels = Uint8Array.from({ length: 18 }, (_, i) => 10 * i);
    const [width, height] = orientation < 5 ? [3, 2] : [2, 3];
    const expected = new Uint8Array(18);
    for (let y = 0; y < 2; y++) {
      for (let x = 0; x < 3; x++) {
        const [toX, toY] = upright[orientation]!(x, y);
        expected.set(pixels.subarray(3 * (3 * y + x), 3 * (3 * y + x) + 3), 3 * (width * toY + toX));
      }
    }
    for (const options of [{}, { autoOrient: false }, { autoOrient: false, colors: "asis" as const }]) {
      const sizes: unknown[] = [];
      const bytes = rgbTiff(3, 2, pixels, { 274: [orientation] });
      const image = await decodePicture(bytes, options, (size) => sizes.push(size));
      expect({ ...image, data: Uint8Array.from(image.data) }).toEqual({ mode: "RGB", width, height, data: expected });
      expect(sizes).toMatchObject([{ width, height }]);
    }
  });
});

describe("kinds of TIFF that would come out in wrong colours", () => {
  const grey = { 258: [8], 277: [1] };
  it.each([
    ["CIELAB", { 262: [8] }, /a TIFF in CIELAB colours; expected grey, palette, RGB/],
    ["CIELAB of 16 bits", { 262: [8], 258: [16, 16, 16] }, /in CIELAB colours/],
    ["ICC LAB", { 262: [9] }, /in ICC LAB colours/],
    ["LogLuv", { 262: [32845] }, /in LogLuv colours/],
    ["raw sensor data", { ...grey, 262: [32803] }, /of raw sensor data/],
    ["a mask", { ...grey, 262: [4] }, /a transparency mask/],
    ["anything new", { 262: [777] }, /unknown photometric interpretation \(777\)/],
    ["other inks", { 262: [5], 258: [8, 8, 8], 277: [3] }, /3 inks that are not CMYK/],
    ["named inks", { 262: [5], 258: [8, 8, 8, 8], 277: [4], 332: [2] }, /4 inks that are not CMYK/],
    ["floating-point RGB", { 258: [32, 32, 32], 339: [3, 3, 3] }, /32-bit floating-point numbers/],
    ["signed grey", { ...grey, 262: [1], 339: [2] }, /8-bit signed numbers/],
    ["uneven bits", { 258: [5, 6, 5] }, /samples with 5 and 6 bits/],
    ["Zstandard", { 259: [50000] }, /compressed as Zstandard/],
    ["planes of YCbCr", { 262: [6], 284: [2], 530: [1, 1] }, /YCbCr in separate planes/],
    ["chroma that is all there", { 262: [6] }, /YCbCr that is said to be subsampled, and is not/],
  ] as const)("%s: refused, and told how to convert", async (_, tags, message) => {
    for (const isBig of [false, true]) {
      const bytes = tiff({ ...rgbTags, ...tags }, new Uint8Array(4 * 4 * 3), isBig);
      const error = await decodePicture(bytes, { name: "a.tif" }).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(UserError);
      expect((error as UserError).line).toMatch(message);
      expect((error as UserError).line).toMatch(/^a\.tif: .*\. Save it as an 8-bit RGB PNG/);
    }
  });

  const rgbTags = { 256: [4], 257: [4], 258: [8, 8, 8], 259: [1], 262: [2], 277: [3], 278: [4], 284: [1] };
});

describe("grey of 32 bits", () => {
  const grey = (levels: readonly number[]) => {
    const tags = { 256: [2], 257: [2], 258: [32], 259: [1], 262: [1], 277: [1], 278: [2], 284: [1], 339: [3] };
    return tiff(tags, new Uint8Array(Float32Array.from(levels).buffer));
  };
  it("within 0 to 255 has Pillow's pixels", async () => {
    expect([...(await decodePicture(grey([0, 1.5, 100, 255]))).data]).toEqual([0, 1, 100, 255]);
    expect([...(await decodePicture(grey([0, 0, 0, 0]))).data]).toEqual([0, 0, 0, 0]);
  });
  it.each([[[0, 0.25, 0.5, 1]], [[0, 1, 2, 65535]], [[-1, 0, 1, 2]]])(
    "%j: refused, for it would be black or white",
    async (levels) => {
      await expect(decodePicture(grey(levels))).rejects.toThrow(/a grey TIFF with levels from .* nothing says which/);
      await expect(decodePicture(grey(levels), { grey16: "clip" })).resolves.toMatchObject({ mode: "L" });
    },
  );
});
