import { describe, expect, it } from "vitest";
import { UserError } from "../../errors.js";
import { parseAspectRatio, parsePinpoints } from "./anyres.js";
import { parseMergeType, pictureLayout, pictureViews, type VisionGeometry, videoLayout } from "./token-layout.js";

const PUBLISHED: VisionGeometry = {
  tileSize: 384,
  patchesPerSide: 27,
  aspectRatio: parseAspectRatio("anyres_max_4"),
  pinpoints: parsePinpoints("(1x1),...,(6x6)", 384),
  mergeType: parseMergeType("spatial_unpad"),
  newlinePosition: "grid",
  poolMode: "bilinear",
};

const sized = (width: number, height: number) => ({ width, height });

describe("pictureLayout", () => {
  // width, height, views with the base, rows and columns of the map in the end, tokens
  it.each([
    [300, 200, 2, 19, 27, 1261],
    [384, 384, 2, 27, 27, 1485],
    [500, 375, 3, 27, 36, 1728],
    [640, 480, 5, 40, 54, 2929],
    [480, 640, 5, 54, 40, 2943],
    [1000, 600, 7, 41, 70, 3640],
    [1024, 768, 7, 46, 62, 3627],
    [1280, 720, 9, 40, 72, 3649],
    [1920, 1080, 16, 40, 72, 3649],
    [3000, 400, 7, 21, 162, 4152],
    [4000, 3000, 31, 46, 62, 3627],
    [100, 2000, 7, 162, 9, 2349],
    [1, 1, 2, 27, 27, 1485],
    [1, 5000, 2, 27, 1, 783],
  ])("%i x %i: %i views, %i x %i patches, %i tokens", (width, height, views, rows, columns, tokens) => {
    const layout = pictureLayout(sized(width, height), PUBLISHED);
    expect(layout).toMatchObject({ kind: "map", base: true, views, size: sized(columns, rows), newline: true, tokens });
    expect(pictureViews(sized(width, height), PUBLISHED)).toBe(views);
  });

  it("says when the map has to be interpolated", () => {
    expect(pictureLayout(sized(640, 480), PUBLISHED)).toMatchObject({ resize: "none" });
    expect(pictureLayout(sized(1000, 600), PUBLISHED)).toMatchObject({
      resize: "bilinear",
      window: { left: 0, top: 3, width: 81, height: 48 },
    });
  });

  it.each([
    ["flat", "anyres_max_4", 5 * 729],
    ["spatial", "anyres_max_4", 5 * 729],
    ["spatial_unpad", "anyres", 729 + 40 * 55],
    ["spatial_unpad_nobase", "anyres_max_4", 40 * 55],
    ["spatial_maxpool2x2", "anyres_max_4", 729 + 27 * 27],
    ["spatial_unpad", "anyres_max_1", 729 + 23 * 32],
    ["spatial_unpad", "pad", 730],
    ["spatial", "pad", 729],
    ["flat", "square", 729],
    ["spatial_unpad", "square", 730],
  ])("640 x 480 with %s and %s: %i tokens", (merge, aspect, tokens) => {
    const geometry = { ...PUBLISHED, mergeType: parseMergeType(merge), aspectRatio: parseAspectRatio(aspect) };
    expect(pictureLayout(sized(640, 480), geometry).tokens).toBe(tokens);
  });

  it("refuses merge types it does not know", () => {
    for (const value of ["spatial_unpad_2", "unpad", "spatialunpad", ""]) {
      expect(() => parseMergeType(value)).toThrow(UserError);
    }
  });
});

describe("videoLayout", () => {
  it.each([
    ["grid", "bilinear", 8 * 14 * 15],
    ["frame", "bilinear", 8 * 197],
    ["one_token", "bilinear", 8 * 196 + 1],
    ["no_token", "bilinear", 8 * 196],
    ["grid", "average", 8 * 13 * 14],
    ["no_token", "max", 8 * 169],
  ] as const)("8 frames, %s, %s pooling: %i tokens", (newlinePosition, poolMode, tokens) => {
    expect(videoLayout(8, { ...PUBLISHED, newlinePosition, poolMode }).tokens).toBe(tokens);
  });

  it("closes with one newline only under unpad, and never when flat", () => {
    const plain: VisionGeometry = { ...PUBLISHED, mergeType: parseMergeType("spatial"), newlinePosition: "one_token" };
    expect(videoLayout(2, plain).tokens).toBe(2 * 196);
    expect(videoLayout(2, { ...PUBLISHED, mergeType: parseMergeType("flat") })).toMatchObject({ newline: "no_token" });
  });
});
