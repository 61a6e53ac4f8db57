import fc from "fast-check";
import { expect, test } from "vitest";
import { formatOf, scaled, sideFor } from "./fit-picture.js";

test("a format is known by the first bytes", () => {
  const bytes = (text: string) => Uint8Array.from(text, (sign) => sign.charCodeAt(0));
  expect(formatOf(bytes("\xff\xd8\xff\xe0"))).toBe("jpeg");
  expect(formatOf(bytes("\x89PNG\r\n\x1a\n"))).toBe("png");
  expect(formatOf(bytes("RIFF....WEBPVP8 "))).toBe("webp");
  expect(formatOf(bytes("GIF89a"))).toBe("gif");
  expect(formatOf(bytes("BM6"))).toBe("bmp");
  expect(formatOf(bytes("MM\0*"))).toBe("tiff");
  expect(formatOf(bytes("\0\0\0\x18ftypheic\0\0\0\0mif1heic"))).toBe("heic");
  expect(formatOf(bytes("\0\0\0\x1cftypavif\0\0\0\0avifmif1"))).toBe("avif");
  expect(formatOf(bytes("\0\0\0\x1cftypisom\0\0\0\0isomavc1"))).toBe("other");
  expect(formatOf(bytes(""))).toBe("other");
});

test("a picture keeps its shape, is never made larger, and never vanishes", () => {
  const side = fc.integer({ min: 1, max: 20_000 });
  fc.assert(
    fc.property(side, side, fc.constantFrom(0, 96, 1152), (width, height, view) => {
      const size = scaled({ width, height }, sideFor({ width, height }, view));
      expect(size.width).toBeGreaterThanOrEqual(1);
      expect(size.height).toBeGreaterThanOrEqual(1);
      expect(size.width).toBeLessThanOrEqual(width);
      if (view === 0) expect(size).toEqual({ width, height });
      else expect(Math.max(size.width, size.height)).toBeLessThanOrEqual(Math.max(2 * view, 1));
      if (Math.min(size.width, size.height) > 20) expect(size.width / size.height / (width / height)).toBeCloseTo(1, 1);
    }),
  );
});
