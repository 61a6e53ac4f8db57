import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fixturePath, noise } from "../fixtures/pillow.js";
import { loadPicture } from "../picture/load-picture.js";
import type { OpaqueImage } from "../picture/raster-image.js";
import { bicubic } from "../picture/resize.js";
import type { Size } from "./anyres.js";
import { makeTiles, normalizedLevels, type Tiles } from "./tiles.js";
import { pictureViews, type VisionGeometry } from "./token-layout.js";

const TILE = 28;
const SIDES = [1, 2, 3, 4, 5, 6].map((count) => count * TILE);
const PINPOINTS: Size[] = SIDES.flatMap((width) => SIDES.map((height) => ({ width, height })));

const colorful = (width: number, height: number): OpaqueImage => ({
  mode: "RGB",
  width,
  height,
  data: noise(width, height, 3),
});
const anyres = (image: OpaqueImage) =>
  makeTiles(image, { tileSize: TILE, aspectRatio: { kind: "anyres" }, pinpoints: PINPOINTS });

/** One sample of the tiles. */
function at({ pixels, tileSize }: Tiles, tile: number, channel: number, y: number, x: number): number {
  return pixels[((tile * 3 + channel) * tileSize + y) * tileSize + x] ?? -1;
}

describe("anyres", () => {
  it("cuts a picture of exactly a pinpoint's size without touching it, row by row", () => {
    const image = colorful(3 * TILE, 2 * TILE);
    const tiles = anyres(image);
    expect(tiles.tiles).toBe(7);
    expect(tiles.imageSize).toEqual({ width: 84, height: 56 });
    for (const [tile, row, column] of [
      [1, 0, 0],
      [3, 0, 2],
      [4, 1, 0],
      [6, 1, 2],
    ] as const) {
      for (const channel of [0, 1, 2]) {
        const source = ((row * TILE + 5) * image.width + column * TILE + 9) * 3 + channel;
        expect(at(tiles, tile, channel, 5, 9)).toBe(image.data[source]);
      }
    }
  });

  it("shows the whole picture, squashed, in the first tile", () => {
    const image = colorful(90, 31);
    const squashed = bicubic(image.data, image, { width: TILE, height: TILE }, 3);
    const tiles = anyres(image);
    for (const [y, x] of [
      [0, 0],
      [13, 7],
      [27, 27],
    ] as const) {
      expect([0, 1, 2].map((channel) => at(tiles, 0, channel, y, x))).toEqual([
        ...squashed.subarray((y * TILE + x) * 3, (y * TILE + x) * 3 + 3),
      ]);
    }
  });

  it("surrounds the picture with black", () => {
    const white: OpaqueImage = { mode: "L", width: 10, height: 20, data: new Uint8Array(200).fill(255) };
    const tiles = anyres(white);
    // 10 x 20 fits into 28 x 28 as 14 x 28: seven black columns at either side.
    const row = Array.from({ length: TILE }, (_, x) => at(tiles, 1, 1, 12, x));
    expect(row).toEqual([...Array(7).fill(0), ...Array(14).fill(255), ...Array(7).fill(0)]);
  });

  it("treats grey like three equal channels", () => {
    const grey: OpaqueImage = { mode: "L", width: 50, height: 33, data: noise(50, 33, 1) };
    const data = Uint8Array.from({ length: 50 * 33 * 3 }, (_, i) => grey.data[Math.floor(i / 3)] ?? 0);
    expect(anyres(grey).pixels).toEqual(anyres({ ...grey, mode: "RGB", data }).pixels);
  });

  it("has as many tiles as the layout says, for any size", () => {
    const geometry: VisionGeometry = {
      tileSize: TILE,
      patchesPerSide: 2,
      aspectRatio: { kind: "anyres", maxTiles: 4 },
      pinpoints: PINPOINTS,
      mergeType: { kind: "spatial", unpad: true, base: true, maxPool: false },
      newlinePosition: "grid",
      poolMode: "bilinear",
    };
    const side = fc.integer({ min: 1, max: 150 });
    fc.assert(
      fc.property(side, side, (width, height) => {
        const tiles = anyres({ mode: "L", width, height, data: new Uint8Array(width * height) });
        expect(tiles.tiles).toBe(pictureViews({ width, height }, geometry));
        expect(tiles.pixels.length).toBe(tiles.tiles * 3 * TILE * TILE);
        expect(tiles.pixels.buffer.byteLength).toBe(tiles.pixels.length);
      }),
      { numRuns: 50 },
    );
  });

  it.each([
    [1, 1, 2],
    [1, 5000, 2],
    [5000, 1, 2],
  ])("takes a picture of %i x %i", (width, height, tiles) => {
    expect(anyres(colorful(width, height)).tiles).toBe(tiles);
  });
});

describe("pad and square", () => {
  it("pads with 127 around the centre", () => {
    const white: OpaqueImage = { mode: "RGB", width: TILE, height: 8, data: new Uint8Array(TILE * 8 * 3).fill(255) };
    const tiles = makeTiles(white, { tileSize: TILE, aspectRatio: { kind: "pad" } });
    expect(tiles.tiles).toBe(1);
    const column = Array.from({ length: TILE }, (_, y) => at(tiles, 0, 2, y, 3));
    expect(column).toEqual([...Array(10).fill(127), ...Array(8).fill(255), ...Array(10).fill(127)]);
  });

  it("squashes", () => {
    const image = colorful(40, 9);
    const tiles = makeTiles(image, { tileSize: TILE, aspectRatio: { kind: "square" } });
    expect(at(tiles, 0, 1, 3, 4)).toBe(
      bicubic(image.data, image, { width: TILE, height: TILE }, 3)[(3 * TILE + 4) * 3 + 1],
    );
  });

  it("refuses to pad to a square that no memory holds", () => {
    const thin: OpaqueImage = { mode: "L", width: 1, height: 100_000, data: new Uint8Array(100_000) };
    expect(() => makeTiles(thin, { tileSize: TILE, aspectRatio: { kind: "pad" } })).toThrow(/100000 x 100000/);
  });
});

describe("loadPicture", () => {
  it("decodes and tiles", async () => {
    const options = { tileSize: TILE, aspectRatio: { kind: "anyres" }, pinpoints: PINPOINTS } as const;
    const tiles = await loadPicture(fixturePath("exif6.jpg"), options);
    expect(tiles.imageSize).toEqual({ width: 47, height: 33 });
    expect((await loadPicture(fixturePath("exif6.jpg"), { ...options, autoOrient: true })).imageSize).toEqual({
      width: 33,
      height: 47,
    });
  });
});

describe("normalizedLevels", () => {
  it("goes from -1 to 1 in the reference's roundings", () => {
    const levels = normalizedLevels();
    expect(levels[0]).toBe(-1);
    expect(levels[255]).toBe(1);
    // float32(51 / 255) is 0.2 rounded; minus 0.5 and doubled.
    expect(levels[51]).toBe(Math.fround((Math.fround(0.2) - 0.5) * 2));
    expect(levels).toHaveLength(256);
  });
});
