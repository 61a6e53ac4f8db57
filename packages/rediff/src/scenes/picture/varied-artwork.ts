/** Artwork as other hands might have drawn it: for a tower that shall know an object in a style that it never saw.
 *
 *  Five icon sets agree about what an owl is, and differ in proportions, colours, contours and shading. Those are what is
 *  varied here, for each sprite anew: two of the given styles are mixed, the drawing is bent, stretched and turned, its
 *  colours are shifted (little in hue, since an apple's colour is its name), shading is flattened, contours are drawn.
 *  A sprite keeps its width and height, so that a scene's layout is the one it has without. */
import { findName } from "../world/object-names.js";
import type { Rng } from "../world/purpose-random.js";
import type { Style } from "../world/world.js";
import type { Artwork, Sprite } from "./artwork.js";

/** Of every sprite, how likely each kind of change is. */
const chances = { mix: 0.5, bend: 0.8, colors: 0.8, flatten: 0.25, contour: 0.25 };

/** @param styles to mix with */
export function variedArtwork(artwork: Artwork, styles: readonly Style[], random: Rng): Artwork {
  return {
    async sprite(style, name, side, angle) {
      const own = await artwork.sprite(style, name, side, angle);
      let drawn: Sprite = { ...own, pixels: new Uint8Array(own.pixels) };
      if (random.chance(chances.mix)) {
        const other = await artwork.sprite(random.pick(styles), name, side, angle);
        drawn = mixed(drawn, other, random.chance(0.4) ? 1 : random.between(0.3, 0.7));
      }
      if (random.chance(chances.bend)) drawn = bent(drawn, random);
      if (random.chance(chances.flatten)) flatten(drawn, random.pick([3, 4, 5]));
      if (random.chance(chances.colors)) shiftColors(drawn, hueOf(name, random), random);
      if (random.chance(chances.contour)) contour(drawn, random.between(0, 70), random.between(0.5, 1));
      return drawn;
    },
  };
}

type Rgba = [number, number, number, number];

/** The four corners around a place, weighed, with colours weighed by how visible they are; clear outside. */
function sampleAt({ width, height, pixels }: Sprite, x: number, y: number, into: Rgba): void {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  let [red, green, blue, alpha] = [0, 0, 0, 0];
  for (let corner = 0; corner < 4; corner++) {
    const [cx, cy] = [left + (corner & 1), top + (corner >> 1)];
    if (cx < 0 || cy < 0 || cx >= width || cy >= height) continue;
    const weight = (1 - Math.abs(x - cx)) * (1 - Math.abs(y - cy));
    const at = (cy * width + cx) * 4;
    const visible = weight * (pixels[at + 3] as number);
    red += visible * (pixels[at] as number);
    green += visible * (pixels[at + 1] as number);
    blue += visible * (pixels[at + 2] as number);
    alpha += visible;
  }
  if (alpha > 0) [into[0], into[1], into[2]] = [red / alpha, green / alpha, blue / alpha];
  into[3] = alpha;
}

/** A new sprite of this size, each pixel from wherever `from` says in the source. */
function warped(
  source: Sprite,
  width: number,
  height: number,
  from: (x: number, y: number) => [number, number],
): Sprite {
  const pixels = new Uint8Array(width * height * 4);
  const color: Rgba = [0, 0, 0, 0];
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 4) {
      const [sx, sy] = from(x, y);
      sampleAt(source, sx, sy, color);
      for (let c = 0; c < 4; c++) pixels[at + c] = Math.round(color[c] as number);
    }
  }
  return { width, height, pixels };
}

/** `share` of the other drawing, stretched over this one. */
function mixed(own: Sprite, other: Sprite, share: number): Sprite {
  const { width, height } = own;
  const [sx, sy] = [other.width / width, other.height / height];
  const fitted = warped(other, width, height, (x, y) => [(x + 0.5) * sx - 0.5, (y + 0.5) * sy - 0.5]);
  const pixels = new Uint8Array(own.pixels.length);
  for (let at = 0; at < pixels.length; at += 4) {
    const mine = (1 - share) * (own.pixels[at + 3] as number);
    const theirs = share * (fitted.pixels[at + 3] as number);
    const alpha = mine + theirs;
    if (alpha === 0) continue;
    for (let c = 0; c < 3; c++) {
      pixels[at + c] = Math.round(
        (mine * (own.pixels[at + c] as number) + theirs * (fitted.pixels[at + c] as number)) / alpha,
      );
    }
    pixels[at + 3] = Math.round(alpha);
  }
  return { width, height, pixels };
}

/** Stretched, sheared and turned about its middle, and bent by waves that are longer than half of it. */
function bent(sprite: Sprite, random: Rng): Sprite {
  const { width, height } = sprite;
  const turn = (random.between(-12, 12) * Math.PI) / 180;
  const [stretchX, stretchY] = [random.between(0.9, 1.25), random.between(0.9, 1.25)];
  const shear = random.between(-0.15, 0.15);
  const wave = () => {
    const [kx, ky] = [random.between(-1.6, 1.6), random.between(-1.6, 1.6)];
    const phase = random.between(0, 2 * Math.PI);
    const depth = random.between(0, 0.06);
    return (u: number, v: number) => depth * Math.sin(2 * Math.PI * (kx * u + ky * v) + phase);
  };
  const [waveX, waveY] = [wave(), wave()];
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
  return warped(sprite, width, height, (x, y) => {
    const [u, v] = [(x + 0.5) / width - 0.5, (y + 0.5) / height - 0.5];
    const [a, b] = [u * stretchX + v * shear + waveX(u, v), v * stretchY + waveY(u, v)];
    return [(a * cos - b * sin + 0.5) * width - 0.5, (a * sin + b * cos + 0.5) * height - 0.5];
  });
}

/** So many levels of each channel: shading becomes fields of one colour. */
function flatten({ pixels }: Sprite, levels: number): void {
  const step = 255 / (levels - 1);
  for (let at = 0; at < pixels.length; at++) {
    if (at % 4 !== 3) pixels[at] = Math.round(Math.round((pixels[at] as number) / step) * step);
  }
}

/** Degrees that hues are turned by: few where the colour is a part of the name. */
function hueOf(name: string, random: Rng): number {
  if (findName(name)?.color !== undefined) return random.between(-12, 12);
  return random.chance(0.3) ? random.between(-180, 180) : random.between(-25, 25);
}

/** Hue by these degrees, and saturation, contrast and brightness. */
function shiftColors({ pixels }: Sprite, degrees: number, random: Rng): void {
  const hue = (degrees * Math.PI) / 180;
  const saturation = random.between(0.6, 1.4);
  const contrast = random.between(0.75, 1.25);
  const brightness = random.between(-30, 30);
  // A turn about the grey axis, by Rodrigues' formula.
  const [cos, sin] = [Math.cos(hue), Math.sin(hue) / Math.sqrt(3)];
  const third = (1 - cos) / 3;
  const clamped = new Uint8ClampedArray(pixels.buffer, pixels.byteOffset, pixels.length);
  for (let at = 0; at < pixels.length; at += 4) {
    const [r, g, b] = [pixels[at] as number, pixels[at + 1] as number, pixels[at + 2] as number];
    const sum = third * (r + g + b);
    const turned = [cos * r + sum + sin * (b - g), cos * g + sum + sin * (r - b), cos * b + sum + sin * (g - r)];
    const gray = (r + g + b) / 3;
    for (let c = 0; c < 3; c++) {
      const colored = gray + ((turned[c] as number) - gray) * saturation;
      clamped[at + c] = (colored - 128) * contrast + 128 + brightness;
    }
  }
}

/** The rim of what is visible takes this shade. */
function contour({ width, height, pixels }: Sprite, shade: number, strength: number): void {
  const seen = Uint8Array.from({ length: width * height }, (_, i) => ((pixels[i * 4 + 3] as number) >= 128 ? 1 : 0));
  const at = (x: number, y: number) =>
    x < 0 || y < 0 || x >= width || y >= height ? 0 : (seen[y * width + x] as number);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (at(x, y) === 0 || at(x - 1, y) + at(x + 1, y) + at(x, y - 1) + at(x, y + 1) === 4) continue;
      const to = (y * width + x) * 4;
      for (let c = 0; c < 3; c++)
        pixels[to + c] = Math.round((pixels[to + c] as number) * (1 - strength) + shade * strength);
    }
  }
}
