import sharp from "sharp";
import { expect, test } from "vitest";
import { fixturePath } from "../fixtures/pillow.js";
import { decodePicture } from "./decode-picture.js";
import { redrawPicture } from "./redraw-picture.js";

test("HEIC and TIFF come out upright, as small as asked and in their proportions, and never larger", async () => {
  for (const [name, original] of [
    ["turned.heic", { width: 36, height: 48 }],
    ["color.tif", undefined],
    ["exif6.jpg", undefined],
  ] as const) {
    const whole = await redrawPicture(fixturePath(name), {});
    if (original !== undefined) expect(whole).toMatchObject({ ...original, original });
    expect(whole.type).toBe("image/png");
    expect(await sharp(whole.bytes).metadata()).toMatchObject({
      format: "png",
      width: whole.width,
      height: whole.height,
    });
    const small = await redrawPicture(fixturePath(name), { maxSide: 24 });
    expect(Math.max(small.width, small.height)).toBe(24);
    expect(small.width / small.height).toBeCloseTo(whole.width / whole.height, 1);
    expect(small.original).toEqual(whole.original);
    expect(await redrawPicture(fixturePath(name), { maxSide: 5000 })).toEqual(whole);
  }
});

test("the pixels are the decoder's, grey ones too", async () => {
  for (const name of ["grey16.tif", "ycbcr_709.tif", "cmyk.jpg"]) {
    const { mode, data } = await decodePicture(fixturePath(name));
    const { bytes } = await redrawPicture(fixturePath(name), {});
    const shown = sharp(bytes).toColourspace(mode === "L" ? "b-w" : "srgb");
    expect((await shown.raw().toBuffer()).equals(data)).toBe(true);
  }
});

test("a large one becomes JPEG, and no side vanishes", async () => {
  const wide = await sharp({ create: { width: 5000, height: 1000, channels: 3, background: "red" } })
    .tiff()
    .toBuffer();
  expect(await redrawPicture(wide, {})).toMatchObject({ type: "image/jpeg", width: 5000, height: 1000 });
  expect(await redrawPicture(wide, { maxSide: 2 })).toMatchObject({ type: "image/png", width: 2, height: 1 });
});

test("what is too large or no picture is refused in one line", async () => {
  await expect(redrawPicture(fixturePath("color.heic"), { maxPixels: 100 })).rejects.toThrow(/at most 100 are decoded/);
  await expect(redrawPicture(Buffer.from("words, words"), { name: "the picture" })).rejects.toThrow(
    /the picture: looks like text/,
  );
});
