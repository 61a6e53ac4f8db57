import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { noise, readPillowFacts, sha256 } from "../fixtures/pillow.js";
import { CHANNELS, type Mode, type RasterImage } from "./raster-image.js";
import { bicubic, resizeImage } from "./resize.js";

describe("resizeImage", () => {
  const cases = readPillowFacts().resize;
  const modes = [...new Set(cases.map(([mode]) => mode))];

  it.each(modes)("equals Pillow 10.3.0 to the byte in mode %s", (mode) => {
    const unequal = cases.filter(([caseMode, width, height, newWidth, newHeight, expected]) => {
      if (caseMode !== mode) return false;
      const out = resizeImage(noisyImage(mode, width, height), { width: newWidth, height: newHeight });
      return sha256(out.data).slice(0, 16) !== expected;
    });
    expect(unequal).toEqual([]);
  });

  it("returns the very picture when the size stays, without a round trip through premultiplied alpha", () => {
    const image = noisyImage("RGBA", 9, 7);
    expect(resizeImage(image, { width: 9, height: 7 })).toBe(image);
  });
});

describe("bicubic", () => {
  it("keeps a plain picture plain", () => {
    const size = fc.integer({ min: 1, max: 70 });
    fc.assert(
      fc.property(
        size,
        size,
        size,
        size,
        fc.integer({ min: 0, max: 255 }),
        (width, height, newWidth, newHeight, level) => {
          const data = new Uint8Array(width * height).fill(level);
          const out = bicubic(data, { width, height }, { width: newWidth, height: newHeight }, 1);
          expect(out).toEqual(new Uint8Array(newWidth * newHeight).fill(level));
        },
      ),
    );
  });

  it("treats channels alike and apart", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(2, 3, 4),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 40 }),
        (channels, from, to) => {
          const data = noise(from, 11, channels);
          const all = bicubic(data, { width: from, height: 11 }, { width: to, height: 17 }, channels as 2 | 3 | 4);
          for (let channel = 0; channel < channels; channel++) {
            const one = data.filter((_, i) => i % channels === channel);
            const alone = bicubic(one, { width: from, height: 11 }, { width: to, height: 17 }, 1);
            expect(all.filter((_, i) => i % channels === channel)).toEqual(alone);
          }
        },
      ),
      { numRuns: 40 },
    );
  });
});

/** The picture that make_fixtures.py resized, as the decoder would deliver it. */
function noisyImage(mode: Mode, width: number, height: number): RasterImage {
  const channels = CHANNELS[mode];
  if (mode === "P") {
    const indices = noise(width, height, 1);
    const colors = Array.from(indices, (index) => [index, 255 - index, index >> 1]);
    return { mode, width, height, data: Uint8Array.from(colors.flat()) };
  }
  const data = noise(width, height, channels);
  return { mode, width, height, data: mode === "1" ? data.map((level) => (level > 127 ? 255 : 0)) : data };
}
