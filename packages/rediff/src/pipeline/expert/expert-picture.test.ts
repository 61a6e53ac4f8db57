import sharp from "sharp";
import { expect, test } from "vitest";
import { UserError } from "../../errors.js";
import { fixturePath } from "../../vision/fixtures/pillow.js";
import { decodePicture } from "../../vision/picture/decode-picture.js";
import { pictureUrl, readPictureFile } from "./expert-picture.js";

const urlOf = async (name: string): Promise<string> => pictureUrl(await readPictureFile(fixturePath(name), undefined));

test.each(["color.heic", "turned.heic", "palette4.bmp", "ycbcr.tif", "cmyk16.tif", "upright6.tif", "grey.bmp"])(
  "%s goes to the expert as a PNG of what the model sees",
  async (name) => {
    const url = await urlOf(name);
    expect(url.startsWith("data:image/png;base64,")).toBe(true);
    const png = sharp(Buffer.from(url.slice(url.indexOf(",") + 1), "base64"));
    const { width, height, mode, data } = await decodePicture(fixturePath(name));
    const sent = await png
      .toColourspace(mode === "L" ? "b-w" : "srgb")
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect(sent.info).toMatchObject({ width, height });
    expect(sent.data.equals(data)).toBe(true);
  },
);

test("what chat APIs take goes as it is; what is no picture is refused", async () => {
  expect((await urlOf("color.jpg")).startsWith("data:image/jpeg;base64,/9j/")).toBe(true);
  await expect(urlOf("pillow.json")).rejects.toThrow(UserError);
});
