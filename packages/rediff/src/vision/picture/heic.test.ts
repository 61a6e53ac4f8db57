import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { UserError } from "../../errors.js";
import { fixturePath } from "../fixtures/pillow.js";
import { decodePicture } from "./decode-picture.js";
import type { RasterImage } from "./raster-image.js";

/** `smooth` in make_fixtures.py, before the encoder saw it. */
function original(x: number, y: number, channel: number): number {
  return Math.min(Math.max(127 + 90 * Math.sin(x / 7 + channel) + 60 * Math.cos(y / 5 + 2 * channel), 0), 255);
}

/** How far, on average, a picture is from the one that was encoded, in levels. */
function distance({ width, height, data }: RasterImage, where: (x: number, y: number) => [number, number]): number {
  let sum = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 3; c++) sum += Math.abs((data[(y * width + x) * 3 + c] ?? 0) - original(...where(x, y), c));
    }
  }
  return sum / data.length;
}

describe("HEIC", () => {
  it("has the colours that were encoded, but for the loss", async () => {
    for (const name of ["color.heic", "alpha.heic"]) {
      const image = await decodePicture(fixturePath(name));
      expect([image.mode, image.width, image.height]).toEqual(["RGB", 48, 36]);
      expect(distance(image, (x, y) => [x, y])).toBeLessThan(6);
    }
  });

  it("is turned once by its own boxes, and not again by EXIF, upright or as stored", async () => {
    for (const autoOrient of [true, false]) {
      const image = await decodePicture(fixturePath("turned.heic"), { autoOrient });
      expect([image.width, image.height]).toEqual([36, 48]);
      expect(distance(image, (x, y) => [y, 35 - x])).toBeLessThan(6);
    }
  });

  it("keeps alpha where modes are kept", async () => {
    const image = await decodePicture(fixturePath("alpha.heic"), { colors: "asis" });
    expect([image.mode, image.data.length]).toEqual(["RGBA", 48 * 36 * 4]);
    expect(await decodePicture(fixturePath("color.heic"), { colors: "asis" })).toMatchObject({ mode: "RGB" });
  });

  it("is refused by size before it is decoded, and when damaged or cut off, in one line", async () => {
    const bytes = readFileSync(fixturePath("color.heic"));
    await expect(decodePicture(bytes, { maxPixels: 1000 })).rejects.toThrow(/48 x 36 pixels; at most 1000/);
    for (const length of [40, 300, bytes.length - 200]) {
      const error = await decodePicture(bytes.subarray(0, length), { name: "a.heic" }).catch(
        (reason: unknown) => reason,
      );
      expect(error).toBeInstanceOf(UserError);
      expect((error as UserError).line).toMatch(/^a\.heic: the HEIC file is truncated or damaged \([^\n]+\)/);
    }
    // One picture's damage does not reach the next.
    await expect(decodePicture(bytes)).resolves.toMatchObject({ width: 48 });
  });

  it("damage anywhere: a picture or a UserError", async () => {
    const bytes = readFileSync(fixturePath("color.heic"));
    for (let at = 30; at < bytes.length; at += 41) {
      const broken = Buffer.from(bytes);
      broken[at] = (broken[at] ?? 0) ^ 0xff;
      const result = await decodePicture(broken, { maxPixels: 1_000_000 }).catch((reason: unknown) => reason);
      if (!(result instanceof UserError)) expect(result).toMatchObject({ mode: "RGB" });
    }
  });
});
