import fc from "fast-check";
import { expect, test } from "vitest";
import { objectNames } from "../world/object-names.js";
import { rng } from "../world/purpose-random.js";
import { type Style, styles } from "../world/world.js";
import { type Artwork, loadArtwork, type Sprite } from "./artwork.js";
import { variedArtwork } from "./varied-artwork.js";

/** A red disc with a blue half, clear around it. */
function disc(width: number, height: number): Sprite {
  const pixels = new Uint8Array(width * height * 4);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const inside = Math.hypot((x + 0.5) / width - 0.5, (y + 0.5) / height - 0.5) < 0.4;
      pixels.set(
        inside ? (x < width / 2 ? [220, 30, 30, 255] : [30, 30, 220, 255]) : [0, 0, 0, 0],
        (y * width + x) * 4,
      );
    }
  }
  return { width, height, pixels };
}

const discs: Artwork = {
  sprite: async (style, _name, side) => (style === "openmoji" ? disc(side, Math.ceil(side / 2)) : disc(side, side)),
};

test("a varied sprite has the size of the one it is made from, and something to see; the same numbers, the same sprite", async () => {
  const anyStyle = fc.constantFrom<Style>(...styles);
  await fc.assert(
    fc.asyncProperty(fc.integer(), anyStyle, fc.integer({ min: 4, max: 48 }), async (seed, style, side) => {
      const draw = () => variedArtwork(discs, styles, rng(seed)).sprite(style, "owl", side, 0);
      const [own, one, again] = [await discs.sprite(style, "owl", side, 0), await draw(), await draw()];
      expect([one.width, one.height]).toEqual([own.width, own.height]);
      expect(one.pixels).toHaveLength(own.pixels.length);
      expect(one.pixels).toEqual(again.pixels);
      expect(one.pixels.some((value, i) => i % 4 === 3 && value > 100)).toBe(true);
    }),
  );
});

test("the artwork itself stays as it is, and hardly ever comes back unchanged", async () => {
  const artwork = loadArtwork();
  const before = await artwork.sprite("noto", "owl", 40, 0);
  const pixels = Uint8Array.from(before.pixels);
  let changed = 0;
  for (let seed = 0; seed < 50; seed++) {
    const varied = await variedArtwork(artwork, ["noto", "openmoji"], rng(seed)).sprite("noto", "owl", 40, 0);
    if (Buffer.compare(varied.pixels, pixels) !== 0) changed++;
  }
  expect(Uint8Array.from(before.pixels)).toEqual(pixels);
  expect(changed).toBeGreaterThan(40);
});

test("an object whose colour is its name keeps the colour: a red apple stays red", async () => {
  const apple = objectNames.find(({ name }) => name === "red apple")?.name as string;
  for (let seed = 0; seed < 60; seed++) {
    const { pixels } = await variedArtwork(discs, ["noto"], rng(seed)).sprite("noto", apple, 30, 0);
    let [red, others] = [0, 0];
    for (let at = 0; at < pixels.length; at += 4) {
      // The disc's red half, inside its rim, which may have a dark contour.
      const [x, y] = [(at / 4) % 30, Math.floor(at / 120)];
      if (Math.hypot(x - 11, y - 15) > 3 || (pixels[at + 3] as number) < 255) continue;
      const [r, g, b] = [pixels[at] as number, pixels[at + 1] as number, pixels[at + 2] as number];
      if (r > g + 30 && r > b + 30) red++;
      else others++;
    }
    expect(others, `seed ${seed}`).toBeLessThan(0.2 * red);
  }
});
