/** Facts to a picture: background, then one cell for each group of objects, composed in plain arrays.
 *
 *  What captions do not mention varies from picture to picture: shades and textures of the background, the place
 *  inside the cell, angle, mirror image, and the size where it is no fact. */
import { createHash } from "node:crypto";
import type { Box } from "../world/cells.js";
import { type Facts, type Group, positionsOf } from "../world/facts.js";
import type { Rng } from "../world/purpose-random.js";
import type { BackgroundColor, Style, World } from "../world/world.js";
import type { Artwork, Sprite } from "./artwork.js";
import { encodePng } from "./png.js";

export interface Picture {
  /** Pixels along a side. */
  size: number;
  /** RGB, row by row. */
  pixels: Uint8Array;
  texture: Texture;
  /** Of every single object, in the order of the facts' groups. */
  boxes: Box[][];
}

const textures = ["plain", "gradient", "stripes", "dots", "noise"] as const;
export type Texture = (typeof textures)[number];

/** Apart from each other, and pale enough for the artwork to stand out. */
export const colorValues: Readonly<Record<BackgroundColor, readonly [number, number, number]>> = {
  white: [246, 246, 244],
  gray: [168, 170, 172],
  blue: [112, 168, 236],
  green: [126, 206, 134],
  yellow: [246, 226, 106],
  orange: [246, 172, 96],
  pink: [250, 176, 206],
  purple: [176, 140, 222],
};

const angles = [-10, 0, 10];
/** Longer side of an object as a share of its cell. */
const sidesOf = {
  large: [0.84, 0.96],
  small: [0.44, 0.54],
  any: [0.6, 0.96],
  two: [0.42, 0.48],
  three: [0.38, 0.44],
  four: [0.38, 0.44],
};

export async function renderScene(
  facts: Facts,
  options: { world: World; style: Style; size: number; artwork: Artwork; random: Rng },
): Promise<Picture> {
  const { world, style, size, artwork, random } = options;
  const texture = world.textures ? random.pick(textures) : "plain";
  const pixels = paintBackground(facts.background as BackgroundColor, texture, size, random);
  const cell = size / world.grid;
  const boxes: Box[][] = [];
  for (const group of facts.objects) {
    const index = positionsOf(world.grid).indexOf(group.position);
    const left = (index % world.grid) * cell;
    const top = Math.floor(index / world.grid) * cell;
    const own: Box[] = [];
    for (const place of placesIn(group, random)) {
      const angle = random.pick(angles);
      const mirrored = random.chance(0.5);
      const side = Math.max(4, quantize(place.side * cell, cell));
      const sprite = await artwork.sprite(style, group.name, side, angle);
      const x = Math.round(left + (cell - sprite.width) * place.x);
      const y = Math.round(top + (cell - sprite.height) * place.y);
      blend(pixels, size, sprite, x, y, mirrored);
      own.push([x, y, sprite.width, sprite.height]);
    }
    boxes.push(own);
  }
  return { size, pixels, texture, boxes };
}

/** PNG, and the hash by which the expert knows the picture again. */
export async function encodePicture(picture: Picture): Promise<{ png: Buffer; sha256: string }> {
  const png = await encodePng(picture.pixels, picture.size, picture.size);
  return { png, sha256: createHash("sha256").update(png).digest("hex") };
}

/** Sizes in steps of a twenty-fourth of the cell: few enough to keep every scaled sprite. */
function quantize(side: number, cell: number): number {
  const step = Math.max(1, cell / 24);
  return Math.round(Math.round(side / step) * step);
}

/** Where the objects of a group go: x and y share out what is left of the cell (0 left or top, 1 right or bottom). */
function placesIn(group: Group, random: Rng): { x: number; y: number; side: number }[] {
  const near = (center: number, spread: number) => center + random.between(-spread, spread);
  const side = (range: readonly number[]) => random.between(range[0] ?? 0.5, range[1] ?? 0.5);
  if (group.count === 1) {
    return [{ x: near(0.5, 0.4), y: near(0.5, 0.4), side: side(sidesOf[group.size ?? "any"]) }];
  }
  if (group.count === 2) {
    const layout = random.pick(["row", "falling", "rising"]);
    const first = layout === "row" ? 0.5 : layout === "falling" ? 0.12 : 0.88;
    return [
      { x: near(0.06, 0.05), y: near(first, 0.1), side: side(sidesOf.two) },
      { x: near(0.94, 0.05), y: near(1 - first, 0.1), side: side(sidesOf.two) },
    ];
  }
  if (group.count === 4) {
    const corners = [0.05, 0.95].flatMap((x) => [0.05, 0.95].map((y) => ({ x, y })));
    return corners.map(({ x, y }) => ({ x: near(x, 0.04), y: near(y, 0.04), side: side(sidesOf.four) }));
  }
  const upright = random.chance(0.5);
  const [alone, pair] = upright ? [0.05, 0.95] : [0.95, 0.05];
  return [
    { x: near(0.5, 0.12), y: near(alone, 0.04), side: side(sidesOf.three) },
    { x: near(0.05, 0.04), y: near(pair, 0.04), side: side(sidesOf.three) },
    { x: near(0.95, 0.04), y: near(pair, 0.04), side: side(sidesOf.three) },
  ];
}

function paintBackground(color: BackgroundColor, texture: Texture, size: number, random: Rng): Uint8Array {
  // The shade varies more than the hue: a pinkish white would be no white.
  const lighter = random.between(-7, 7);
  const base = colorValues[color].map((value) => value + lighter + random.between(-3, 3));
  const depth = random.between(10, 18) * (random.chance(0.5) ? 1 : -1);
  const shade = shadeOf(texture, size, random);
  const [red = 0, green = 0, blue = 0] = base;
  const clamped = new Uint8ClampedArray(size * size * 3); // it rounds and stays within 0 and 255
  for (let y = 0, at = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const change = depth * shade(x, y);
      clamped[at++] = red + change;
      clamped[at++] = green + change;
      clamped[at++] = blue + change;
    }
  }
  return new Uint8Array(clamped.buffer);
}

/** -1 to 1 for every pixel. */
function shadeOf(texture: Texture, size: number, random: Rng): (x: number, y: number) => number {
  const angle = random.between(0, 2 * Math.PI);
  const period = random.between(0.1, 0.2) * size;
  const [dx, dy] = [Math.cos(angle), Math.sin(angle)];
  const along = (x: number, y: number) => x * dx + y * dy;
  switch (texture) {
    case "plain":
      return () => 0;
    case "gradient":
      return (x, y) => (1.4 * along(x - size / 2, y - size / 2)) / size;
    case "stripes":
      return (x, y) => 0.6 * Math.sign(Math.sin((2 * Math.PI * along(x, y)) / period));
    case "dots":
      return (x, y) => (Math.hypot((x % period) - period / 2, (y % period) - period / 2) < period / 4 ? 0.8 : -0.2);
    case "noise":
      return () => random.between(-0.8, 0.8);
  }
}

/** Sprite over picture; what lies outside is cut off. */
function blend(pixels: Uint8Array, size: number, sprite: Sprite, left: number, top: number, mirrored: boolean): void {
  const { width, height, pixels: source } = sprite;
  for (let y = Math.max(0, -top); y < height && top + y < size; y++) {
    for (let x = Math.max(0, -left); x < width && left + x < size; x++) {
      const from = (y * width + (mirrored ? width - 1 - x : x)) * 4;
      const alpha = (source[from + 3] ?? 0) / 255;
      if (alpha === 0) continue;
      const to = ((top + y) * size + left + x) * 3;
      for (let c = 0; c < 3; c++) {
        const under = pixels[to + c] ?? 0;
        pixels[to + c] = Math.round(under + ((source[from + c] ?? 0) - under) * alpha);
      }
    }
  }
}
