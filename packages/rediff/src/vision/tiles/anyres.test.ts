import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UserError } from "../../errors.js";
import {
  anyresGrid,
  bestResolution,
  letterbox,
  limitMap,
  parseAspectRatio,
  parsePinpoints,
  type Size,
  unpadWindow,
} from "./anyres.js";

const PINPOINTS = parsePinpoints("(1x1),...,(6x6)", 384);
const imageSize = fc.record({
  width: fc.integer({ min: 1, max: 20_000 }),
  height: fc.integer({ min: 1, max: 20_000 }),
});

describe("parsePinpoints", () => {
  it("expands a range with the first index outer", () => {
    expect(PINPOINTS).toHaveLength(36);
    expect(PINPOINTS.slice(0, 2)).toEqual([
      { width: 384, height: 384 },
      { width: 384, height: 768 },
    ]);
    expect(PINPOINTS.at(-1)).toEqual({ width: 2304, height: 2304 });
  });

  it("takes the first and the last pair of a range, whatever lies between", () => {
    expect(parsePinpoints("(1x2),(9x9),(2x3)", 224)).toEqual([
      { width: 224, height: 448 },
      { width: 224, height: 672 },
      { width: 448, height: 448 },
      { width: 448, height: 672 },
    ]);
  });

  it("reads lists, and literals with lists or tuples, in their order", () => {
    const expected = [
      { width: 112, height: 56 },
      { width: 56, height: 112 },
    ];
    for (const value of [
      [
        [112, 56],
        [56, 112],
      ],
      "[[112, 56], [56, 112]]",
      "[(112, 56), (56, 112),]",
      "((112,56),(56,112))",
    ]) {
      expect(parsePinpoints(value, 56)).toEqual(expected);
    }
  });

  it.each([
    ["(1x1),...,(6x6)", 56, /56; ranges need one of/],
    ["6x6", 384, /expected/],
    ["(0x1),(2x2)", 384, /expected/],
    ["(3x3),(1x1)", 384, /expected/],
    ["[]", 384, /expected/],
    ["__import__('os')", 384, /expected/],
    [null, 384, /expected/],
    [[[384]], 384, /expected/],
    [[[384, -384]], 384, /expected/],
    [[[384, 500]], 384, /no multiple of the tile size 384/],
  ])("refuses %j with tile %i", (value, tile, message) => {
    expect(() => parsePinpoints(value, tile)).toThrow(UserError);
    expect(() => parsePinpoints(value, tile)).toThrow(message);
  });
});

describe("parseAspectRatio", () => {
  it("reads the modes", () => {
    expect(parseAspectRatio("anyres_max_4")).toEqual({ kind: "anyres", maxTiles: 4 });
    expect(parseAspectRatio("anyres")).toEqual({ kind: "anyres" });
    expect(parseAspectRatio("pad")).toEqual({ kind: "pad" });
    expect(parseAspectRatio(undefined)).toEqual({ kind: "square" });
  });

  it.each(["anyres_max_", "anyres_max_0", "highres", "crop_split", ""])("refuses %j", (value) => {
    expect(() => parseAspectRatio(value)).toThrow(UserError);
  });
});

describe("bestResolution", () => {
  // [width, height] -> tiles across and down; the published table for 384-pixel tiles.
  it.each([
    [300, 200, 1, 1],
    [500, 375, 2, 1],
    [640, 480, 2, 2],
    [480, 640, 2, 2],
    [1000, 600, 3, 2],
    [1280, 720, 4, 2],
    [1920, 1080, 5, 3],
    [3000, 400, 6, 1],
    [4000, 3000, 6, 5],
    [100, 2000, 1, 6],
    [1, 1, 1, 1],
    // Nothing of the picture would be left at any resolution: the smallest waste decides.
    [1, 5000, 1, 1],
    [5000, 10, 6, 1],
  ])("%i x %i -> %i x %i tiles", (width, height, columns, rows) => {
    expect(anyresGrid({ width, height }, PINPOINTS, 384)).toEqual({ columns, rows });
  });

  it("prefers the smaller waste among equals, then the first", () => {
    const image = { width: 100, height: 100 };
    const wide = { width: 400, height: 100 };
    const tall = { width: 100, height: 400 };
    expect(bestResolution(image, [{ width: 400, height: 400 }, wide, tall])).toBe(wide);
  });

  it("refuses to choose from nothing", () => {
    expect(() => bestResolution({ width: 1, height: 1 }, [])).toThrow(UserError);
  });

  it("always takes one of the candidates", () => {
    fc.assert(fc.property(imageSize, (image) => PINPOINTS.includes(bestResolution(image, PINPOINTS))));
  });
});

describe("letterbox", () => {
  it.each([
    [1000, 600, 1152, 768, { width: 1152, height: 692, left: 0, top: 38 }],
    [500, 375, 768, 384, { width: 512, height: 384, left: 128, top: 0 }],
    [1280, 720, 1536, 768, { width: 1366, height: 768, left: 85, top: 0 }],
    [100, 2000, 384, 2304, { width: 116, height: 2304, left: 134, top: 0 }],
    [1, 5000, 384, 384, { width: 1, height: 384, left: 191, top: 0 }],
  ])("%i x %i into %i x %i", (width, height, targetWidth, targetHeight, expected) => {
    expect(letterbox({ width, height }, { width: targetWidth, height: targetHeight })).toEqual(expected);
  });

  it("fills one side, stays inside, and is centred", () => {
    const target = fc.constantFrom(...PINPOINTS);
    fc.assert(
      fc.property(imageSize, target, (image, into) => {
        const box = letterbox(image, into);
        expect(box.width === into.width || box.height === into.height).toBe(true);
        expect(box.width).toBeGreaterThan(0);
        expect(box.height).toBeGreaterThan(0);
        expect(box.left).toBe(Math.floor((into.width - box.width) / 2));
        expect(box.top).toBe(Math.floor((into.height - box.height) / 2));
        expect(Math.min(box.left, box.top)).toBe(0);
      }),
    );
  });
});

describe("unpadWindow", () => {
  it("cuts the same from both sides, so that one more row than needed may stay", () => {
    // 1000 x 600 on 81 x 54 patches: 48 rows of 48.6 are kept; (54 - 48) / 2 = 3 are cut above and below.
    expect(unpadWindow({ width: 81, height: 54 }, { width: 1000, height: 600 })).toEqual({
      left: 0,
      top: 3,
      width: 81,
      height: 48,
    });
    // 3000 x 400 on 162 x 27: 21 rows fit, (27 - 21) / 2 = 3; 116 columns of 100 x 2000 leave 9 of 27.
    expect(unpadWindow({ width: 162, height: 27 }, { width: 3000, height: 400 }).height).toBe(21);
    expect(unpadWindow({ width: 27, height: 162 }, { width: 100, height: 2000 }).width).toBe(9);
    // 640 x 480 on 54 x 54: 40 rows of 40.5.
    expect(unpadWindow({ width: 54, height: 54 }, { width: 640, height: 480 }).height).toBe(40);
  });

  it("loses a picture thinner than a patch in a map with an even number of columns", () => {
    expect(unpadWindow({ width: 36, height: 36 }, { width: 1, height: 5000 }).width).toBe(0);
    expect(unpadWindow({ width: 27, height: 27 }, { width: 1, height: 5000 }).width).toBe(1);
  });

  it("stays inside the map", () => {
    fc.assert(
      fc.property(imageSize, fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 }), (image, columns, rows) => {
        const map = { width: columns * 27, height: rows * 27 };
        const window = unpadWindow(map, image);
        expect(window.left * 2 + window.width).toBe(map.width);
        expect(window.top * 2 + window.height).toBe(map.height);
        expect(Math.min(window.left, window.top)).toBe(0);
      }),
    );
  });
});

describe("limitMap", () => {
  it("leaves maps alone up to 1.1 times the limit on a side", () => {
    expect(limitMap({ width: 162, height: 21 }, 4, 27)).toEqual({ width: 162, height: 21 });
    expect(limitMap({ width: 81, height: 48 }, 4, 27)).toEqual({ width: 70, height: 41 });
    expect(limitMap({ width: 162, height: 121 }, 4, 27)).toEqual({ width: 62, height: 46 });
  });

  it("never passes the limit once it shrinks, and keeps the shape", () => {
    const side = fc.integer({ min: 20, max: 162 });
    fc.assert(
      fc.property(side, side, (width, height) => {
        const limited = limitMap({ width, height }, 4, 27);
        const patches = limited.width * limited.height;
        expect(patches).toBeLessThanOrEqual(4 * 27 * 27 * 1.21);
        if (limited.width !== width) expect(patches).toBeLessThanOrEqual(4 * 27 * 27);
        expect(Math.abs(limited.width / limited.height - width / height)).toBeLessThan((width / height) * 0.2);
      }),
    );
  });

  it("refuses a map of which nothing would be left", () => {
    const thin: Size = { width: 24, height: 1 };
    expect(() => limitMap(thin, 1, 4)).toThrow(/anyres_max_1/);
  });
});
