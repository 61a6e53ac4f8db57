import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UserError } from "../../errors.js";
import { folderOfFile } from "../../testing/folders.js";
import { hugePng } from "../fixtures/huge.js";
import { fixturePath, readPillowFacts, sha256, toRgb } from "../fixtures/pillow.js";
import { decodePicture } from "./decode-picture.js";
import { withoutAlpha } from "./raster-image.js";
import { resizeImage } from "./resize.js";

const facts = readPillowFacts().decode;
const { path: folder } = folderOfFile();

describe.each(Object.keys(facts))("%s", (name) => {
  const expected = facts[name]!;
  const path = fixturePath(name);

  it("has Pillow's mode, size and bytes as it is", async () => {
    const image = await decodePicture(path, { colors: "asis", grey16: "clip", autoOrient: false });
    expect([image.mode, image.width, image.height]).toEqual([expected.mode, ...expected.size]);
    const plain = image.mode === "1" || image.mode === "I;16" ? toRgb(withoutAlpha(image)) : image.data;
    expect(sha256(plain)).toBe(expected.asis);
    const resized = resizeImage(image, { width: 37, height: 29 });
    expect(sha256(toRgb(withoutAlpha(resized)))).toBe(expected.resized_asis);
  });

  it('has the bytes of convert("RGB")', async () => {
    const image = withoutAlpha(await decodePicture(readFileSync(path), { grey16: "clip", autoOrient: false }));
    expect(sha256(toRgb(image))).toBe(expected.rgb);
    expect(sha256(toRgb(resizeImage(image, { width: 37, height: 29 })))).toBe(expected.resized_rgb);
  });
});

describe("options", () => {
  it("turns a picture upright unless told not to", async () => {
    const upright = await decodePicture(fixturePath("exif6.jpg"));
    expect([upright.width, upright.height]).toEqual([33, 47]);
    expect(await decodePicture(fixturePath("exif6.jpg"), { autoOrient: false })).toMatchObject({
      width: 47,
      height: 33,
    });
    expect(sha256(upright.data)).toBe(facts["exif6.jpg"]?.upright);
  });

  it("scales 16-bit grey instead of cutting it off", async () => {
    const scaled = await decodePicture(fixturePath("grey16.png"));
    const clipped = await decodePicture(fixturePath("grey16.png"), { grey16: "clip" });
    expect(new Set(scaled.data).size).toBeGreaterThan(50);
    expect(clipped.data.filter((level) => level === 255).length).toBeGreaterThan(clipped.data.length / 2);
  });

  it("refuses more pixels than maxPixels, and no fewer", async () => {
    const path = fixturePath("color.jpg");
    await expect(decodePicture(path, { maxPixels: 47 * 33 - 1 })).rejects.toThrow(/47 x 33 pixels; at most 1550/);
    await expect(decodePicture(path, { maxPixels: 47 * 33 })).resolves.toMatchObject({ width: 47 });
  });
});

describe("bad files", () => {
  const jpeg = readFileSync(fixturePath("color.jpg"));
  const png = readFileSync(fixturePath("rgba.png"));

  it.each([
    ["empty", Buffer.alloc(0), /the file is empty/],
    ["half a JPEG", jpeg.subarray(0, jpeg.length >> 1), /JPEG file is truncated or damaged/],
    ["the head of a JPEG", jpeg.subarray(0, 40), /JPEG file is truncated or damaged/],
    ["half a PNG", png.subarray(0, png.length >> 1), /PNG file is truncated or damaged/],
    ["the signature of a PNG", png.subarray(0, 8), /PNG file is truncated or damaged/],
    ["half a WebP", halfOf("lossy.webp"), /WEBP file is truncated or damaged/],
    ["half a GIF", halfOf("animated.gif"), /GIF file is truncated or damaged/],
    ["text", Buffer.from("hello, world\n"), /looks like text; expected JPEG, PNG/],
    ["an HTML page", Buffer.from("<!DOCTYPE html><html>not found</html>"), /is an HTML page; expected JPEG/],
    [
      "a Git LFS pointer",
      Buffer.from("version https://git-lfs.github.com/spec/v1\noid"),
      /is a Git LFS pointer; expected JPEG/,
    ],
    ["an SVG", Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'), /looks like an SVG/],
    ["zeros", Buffer.alloc(100), /looks like no known kind of picture/],
    ["a PNG of 40000 x 40000", hugePng(), /40000 x 40000 pixels; at most 178956970/],
    ["the header alone of a PNG of 40000 x 40000", hugePng().subarray(0, 33), /40000 x 40000 pixels/],
    ["a JPEG of 40000 x 40000", hugeJpeg(jpeg), /40000 x 40000 pixels/],
  ])("%s: one clear line, from a path and from bytes", async (what, bytes, message) => {
    const path = join(folder, `${what}.jpg`);
    writeFileSync(path, bytes);
    const error = await decodePicture(path).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UserError);
    const { line } = error as UserError;
    expect(line).toMatch(message);
    expect(line.startsWith(`${path}: `)).toBe(true);
    expect(line).not.toContain("\n");
    await expect(decodePicture(bytes, { name: "upload" })).rejects.toThrow(message);
  });

  it("a missing file and a folder", async () => {
    await expect(decodePicture(join(folder, "none.png"))).rejects.toThrow(/none.png: no such file/);
    await expect(decodePicture(folder)).rejects.toThrow(/is a folder; expected a picture file/);
  });

  it("a PNG without its end, which Pillow forgives as well", async () => {
    await expect(decodePicture(png.subarray(0, png.length - 12))).resolves.toMatchObject({ width: 31 });
  });

  it("damage anywhere: a picture or a UserError, nothing else", async () => {
    const names = Object.keys(facts);
    const damage = fc.record({
      name: fc.constantFrom(...names),
      at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      byte: fc.integer({ min: 0, max: 255 }),
      keep: fc.double({ min: 0.2, max: 1, noNaN: true }),
    });
    await fc.assert(
      fc.asyncProperty(damage, async ({ name, at, byte, keep }) => {
        const whole = readFileSync(fixturePath(name));
        const bytes = Buffer.from(whole.subarray(0, Math.ceil(whole.length * keep)));
        bytes[Math.floor(at * bytes.length)] = byte;
        try {
          const image = await decodePicture(bytes, { maxPixels: 1_000_000 });
          expect(image.data.length).toBe(image.width * image.height * (image.mode === "L" ? 1 : 3));
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
        }
      }),
      { numRuns: 300 },
    );
  });
});

function halfOf(name: string): Buffer {
  const bytes = readFileSync(fixturePath(name));
  return bytes.subarray(0, bytes.length >> 1);
}

function hugeJpeg(jpeg: Buffer): Buffer {
  const huge = Buffer.from(jpeg);
  const frame = huge.indexOf(Buffer.from([0xff, 0xc0]));
  huge.writeUInt16BE(40_000, frame + 5);
  huge.writeUInt16BE(40_000, frame + 7);
  return huge;
}
