import { readFileSync, writeFileSync } from "node:fs";
import { deflateSync } from "node:zlib";
import sharp from "sharp";
import { describe, expect, it, test } from "vitest";
import { UserError } from "../../errors.js";
import { folderOfFile } from "../../testing/folders.js";
import {
  blackPng,
  claimHeif,
  claimJpeg,
  emptyRunsBmp,
  gifOfFrames,
  jpegOfScans,
  pngChunk,
} from "../fixtures/hostile-pictures.js";
import { fixturePath } from "../fixtures/pillow.js";
import { rgbTiff, tiff } from "../fixtures/tiff.js";
import { parsePinpoints } from "../tiles/anyres.js";
import { decodePicture } from "./decode-picture.js";
import { readJpegHeader } from "./jpeg-header.js";
import { loadPicture } from "./load-picture.js";
import { readPictureSize } from "./picture-size.js";
import { redrawPicture } from "./redraw-picture.js";

const { at } = folderOfFile();
const MOST = 50_000_000;
const anyres = {
  tileSize: 384,
  aspectRatio: { kind: "anyres" },
  pinpoints: parsePinpoints("(1x1),...,(2x2)", 384),
} as const;
const flatJpeg = (side: number, progressive = false) =>
  sharp({ create: { width: side, height: side, channels: 3, background: "teal" } })
    .jpeg({ progressive })
    .toBuffer();

async function refusal(bytes: Uint8Array, maxPixels = MOST): Promise<string> {
  const error = await loadPicture(bytes, { ...anyres, maxPixels, name: "x" }).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(UserError);
  const line = error instanceof UserError ? error.line : "";
  expect(line).not.toContain("\n");
  expect(line.length).toBeLessThan(400);
  return line;
}

describe("a file that cannot hold what its header promises is refused before it is decoded", () => {
  test.each<[string, () => Promise<Buffer> | Buffer]>([
    ["a JPEG of 292 bytes and 30 megapixels", async () => claimJpeg(await flatJpeg(64), 6000, 5000)],
    ["a PNG without its pixels", () => blackPng(6000, 5000, { rows: 10 })],
    ["a TIFF of one strip with 100 bytes", () => rgbTiff(6000, 5000, Buffer.alloc(100))],
    ["a TIFF of one packed strip", () => rgbTiff(6000, 5000, deflateSync(Buffer.alloc(1_000_000)), { 259: [8] })],
  ])("%s", async (_, file) => {
    expect(await refusal(await file())).toMatch(
      /truncated or damaged \(\d+ bytes cannot hold what its header promises/,
    );
  });

  it("a plain picture is honestly tiny, and taken", async () => {
    const files = [
      await flatJpeg(2000),
      await flatJpeg(2000, true),
      blackPng(2000, 2000),
      blackPng(2000, 2000, { bits: 1, color: 0 }),
      rgbTiff(2000, 2000, deflateSync(Buffer.alloc(12_000_000)), { 259: [8] }),
      jpegOfScans(800, 800, 20),
    ];
    for (const file of files) expect((await decodePicture(file, { name: "x" })).width).toBeGreaterThan(700);
  });
});

describe("work in a file of few bytes has a limit", () => {
  it("a JPEG of hundreds of passes is refused, one of dozens is read", async () => {
    expect(readJpegHeader(jpegOfScans(64, 64, 800))).toMatchObject({ scans: 800, width: 64, height: 64 });
    expect(await refusal(jpegOfScans(3000, 3000, 800))).toBe(
      "x: a JPEG of 800 scans; at most 100 are decoded. Save it again, with any program",
    );
    expect((await decodePicture(jpegOfScans(300, 200, 90))).width).toBe(300);
  });

  it("what a JPEG says of itself is found behind thumbnails, filling and data that looks like markers", async () => {
    const jpeg = await flatJpeg(80, true);
    const { scans = 0 } = readJpegHeader(jpeg) ?? {};
    expect(scans).toBeGreaterThan(3);
    const thumbnail = Buffer.concat([Buffer.from([0xff, 0xff, 0xff, 0xe1, 0, 0]), await flatJpeg(16)]);
    thumbnail.writeUInt16BE(thumbnail.length - 4, 4);
    const both = Buffer.concat([jpeg.subarray(0, 2), thumbnail, jpeg.subarray(2), jpegOfScans(8, 8, 300)]);
    expect(readJpegHeader(both)).toMatchObject({ scans, width: 80, height: 80 });
    expect(readJpegHeader(Buffer.alloc(1000, 0xff))).toBeUndefined();
  });

  it("16 bits a sample are little more work than 8", async () => {
    const inks = (bits: number) => {
      const tags = {
        256: [2000],
        257: [2000],
        258: [bits, bits, bits, bits],
        259: [8],
        262: [5],
        277: [4],
        278: [2000],
      };
      return tiff({ ...tags, 284: [1] }, deflateSync(Buffer.alloc((2000 * 2000 * bits) / 2)));
    };
    const seconds = async (file: Buffer) => {
      const began = performance.now();
      expect((await decodePicture(file)).width).toBe(2000);
      return performance.now() - began;
    };
    await decodePicture(inks(8)); // warms up
    expect(await seconds(inks(16))).toBeLessThan(5 * (await seconds(inks(8))));
  });
});

describe("sizes that a file tells twice", () => {
  test.each<[string, () => Promise<Buffer> | Buffer, RegExp]>([
    ["HEIC, larger", () => claimHeif(readFileSync(fixturePath("color.heic")), 7000, 7000), /HEIC file is truncated/],
    ["HEIC, beyond all", () => claimHeif(readFileSync(fixturePath("color.heic")), 2 ** 31, 2 ** 31), /HEIC file is/],
    [
      "a GIF's frame that is larger than the screen",
      () => gifOfFrames(10, 10, [[65535, 65535]]),
      /65535 x 65535 pixels/,
    ],
    ["TIFF tiles", () => tiledTiff(32_768), /tile size out of range/],
  ])("%s: refused", async (_, file, message) => {
    expect(await refusal(await file())).toMatch(message);
  });

  it("an AVIF of another size than its boxes say is refused, whichever is larger", async () => {
    const picture = { create: { width: 600, height: 400, channels: 3, background: "teal" } } as const;
    const avif = await sharp(picture).avif({ effort: 0 }).toBuffer();
    expect((await decodePicture(avif)).width).toBe(600);
    for (const side of [64, 7000]) expect(await refusal(claimHeif(avif, side, side))).toMatch(/AVIF file is truncated/);
  });

  it("frames after the first are neither decoded nor judged", async () => {
    expect((await decodePicture(gifOfFrames(10, 10, [[10, 10], [65535, 65535]]))).width).toBe(10); // biome-ignore format: one line
    const many = gifOfFrames(10, 10, new Array<[number, number]>(50_000).fill([1, 1]));
    expect((await decodePicture(many)).width).toBe(10);
  });
});

describe("what is beside the pixels", () => {
  it("texts and profiles that unpack to a hundred megabytes cost nothing", async () => {
    const bomb = deflateSync(Buffer.alloc(100_000_000));
    const before = process.memoryUsage().rss;
    for (const [type, head] of [
      ["zTXt", "a\0\0"],
      ["iCCP", "a\0\0"],
      ["iTXt", "XML:com.adobe.xmp\0\x01\0\0\0"],
    ] as const) {
      const file = blackPng(8, 8, { extra: [pngChunk(type, Buffer.concat([Buffer.from(head, "latin1"), bomb]))] });
      expect((await decodePicture(file)).width).toBe(8);
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(80e6);
  });
});

describe("thin pictures and documents, on every way", () => {
  it("a line of 39,000,000 pixels is refused before its pixels are read", async () => {
    for (const [width, height] of [
      [1, 39_000_000],
      [39_000_000, 1],
    ] as const) {
      // biome-ignore format: one line
      const file = blackPng(width, height, { bits: 1, color: 0, rows: 1 });
      expect(await refusal(file)).toMatch(/too long and thin/);
      await expect(readPictureSize(file, { ...anyres, maxPixels: MOST })).rejects.toThrow(/too long and thin/);
      await expect(redrawPicture(file, { maxPixels: MOST })).rejects.toThrow(/too long and thin/);
    }
  });

  it("a look at the header judges as decoding does", async () => {
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"/>';
    writeFileSync(at("drawing.png"), svg);
    writeFileSync(at("large.png"), blackPng(2000, 2000));
    await expect(readPictureSize(at("drawing.png"), anyres)).rejects.toThrow(/looks like an SVG/);
    await expect(readPictureSize(Buffer.from(svg), anyres)).rejects.toThrow(/looks like an SVG/);
    await expect(readPictureSize(Buffer.from("%PDF-1.7 x"), anyres)).rejects.toThrow(/looks like a PDF/);
    await expect(readPictureSize(at("large.png"), { ...anyres, maxPixels: 3e6 })).rejects.toThrow(/2000 x 2000 pixels/);
    expect(await readPictureSize(at("large.png"), anyres)).toEqual({ width: 2000, height: 2000 });
    expect(await readPictureSize(fixturePath("exif6.jpg"), anyres)).toEqual({ width: 33, height: 47 });
    expect(await readPictureSize(fixturePath("turned.heic"), anyres)).toMatchObject({ width: expect.any(Number) });
  });

  it("a picture that is longer than a JPEG can be is drawn anew within it", async () => {
    const drawn = await redrawPicture(blackPng(70_000, 70), { maxPixels: MOST });
    expect(drawn).toMatchObject({ type: "image/jpeg", width: 65_500, original: { width: 70_000, height: 70 } });
  });

  it("run lengths that reach no pixel are a black picture within the limit, and refused beyond it", async () => {
    expect((await decodePicture(emptyRunsBmp(1000, 1000))).width).toBe(1000);
    expect(await refusal(emptyRunsBmp(2 ** 31 - 1, 2 ** 31 - 1))).toMatch(/at most 50000000 are decoded/);
  });
});

/** One tile of `side` squared around a picture of 64 x 64. */
function tiledTiff(side: number): Buffer {
  const tags = { 256: [64], 257: [64], 258: [8, 8, 8], 259: [1], 262: [2], 277: [3], 322: [side], 323: [side] };
  return tiff(tags, Buffer.alloc(100));
}
