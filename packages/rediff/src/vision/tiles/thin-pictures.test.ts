import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { UserError } from "../../errors.js";
import { loadPicture } from "../picture/load-picture.js";
import { parsePinpoints } from "./anyres.js";
import { refuseThin } from "./thin-pictures.js";
import type { TilingOptions } from "./tiles.js";

const tileSize = 384;
const anyres = {
  tileSize,
  aspectRatio: { kind: "anyres" },
  pinpoints: parsePinpoints("(1x1),...,(6x6)", tileSize),
} as const;
const pad = { tileSize, aspectRatio: { kind: "pad" } } as const;
const square = { tileSize, aspectRatio: { kind: "square" } } as const;

describe("a picture's shape is judged before anything is resized", () => {
  test.each<[string, TilingOptions]>([
    ["anyres", anyres],
    ["pad", pad],
    ["square", square],
  ])("%s refuses a file of a few kilobytes that would need gigabytes", (_, options) => {
    for (const [width, height] of [
      [1, 39_000_000],
      [39_000_000, 1],
      [2, 19_000_000],
    ] as const) {
      const refused = () => refuseThin({ width, height }, options);
      expect(refused).toThrow(UserError);
      expect(refused).toThrow(`a picture of ${width} x ${height} pixels is too long and thin`);
    }
  });

  test("what people have is taken: panoramas, receipts, screenshots of long pages, huge scans", () => {
    for (const [width, height] of [
      [20_000, 400],
      [600, 30_000],
      [1200, 65_535],
      [13_377, 13_377],
    ] as const) {
      expect(() => refuseThin({ width, height }, anyres)).not.toThrow();
      expect(() => refuseThin({ width, height }, square)).not.toThrow();
    }
    expect(() => refuseThin({ width: 600, height: 13_000 }, pad)).not.toThrow();
  });

  test("a line of one pixel is no fault", async () => {
    const file = await sharp({ create: { width: 1, height: 4000, channels: 3, background: "red" } })
      .png()
      .toBuffer();
    expect((await loadPicture(file, anyres)).tiles).toBe(2);
    expect((await loadPicture(file, square)).tiles).toBe(1);
  });
});
