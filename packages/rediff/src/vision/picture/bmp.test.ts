import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, it } from "vitest";
import { UserError } from "../../errors.js";
import { fixturePath } from "../fixtures/pillow.js";
import { readBmpHeader } from "./bmp.js";
import { decodePicture } from "./decode-picture.js";
import { sniffFormat } from "./picture-header.js";

const names = ["rgb24.bmp", "palette4.bmp", "runs8.bmp", "fields565.bmp", "bilevel.bmp", "os2.bmp"];

// That each equals Pillow is in decode-picture.test.ts.

it("a text that begins with BM is no BMP", () => {
  expect(
    sniffFormat(Buffer.from("BMW and other cars: a long text about them, longer than any header")),
  ).toBeUndefined();
  expect(sniffFormat(readFileSync(fixturePath("os2.bmp")))).toBe("bmp");
});

it("missing rows, unknown kinds and too many pixels are refused before anything is decoded", async () => {
  const bytes = readFileSync(fixturePath("rgb24.bmp"));
  await expect(decodePicture(bytes.subarray(0, 700), { name: "a.bmp" })).rejects.toThrow(
    "a.bmp: the BMP file is truncated or damaged (pixels are missing)",
  );
  const twoBits = Buffer.from(bytes);
  twoBits.writeUInt16LE(2, 28);
  await expect(decodePicture(twoBits)).rejects.toThrow(/2 bits a pixel in compression 0/);
  const huge = Buffer.from(bytes);
  huge.writeInt32LE(40_000, 18);
  huge.writeInt32LE(-40_000, 22);
  await expect(decodePicture(huge)).rejects.toThrow(/40000 x 40000 pixels; at most 178956970/);
});

it("damage anywhere: a picture or a UserError", async () => {
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
      bytes[Math.floor(at * Math.min(bytes.length, 80))] = byte;
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

it("a header that is cut off anywhere is one", () => {
  const whole = readFileSync(fixturePath("palette4.bmp"));
  for (let length = 0; length < 54; length++)
    expect(() => readBmpHeader(whole.subarray(0, length))).toThrow("its header is cut off");
});
