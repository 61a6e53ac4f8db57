/** Emoji artwork of five icon sets (npm's @iconify-json/*), as sprites cut to what is visible.
 *
 *  Some sets leave a margin around their drawings (openmoji a sixth), so the cut makes sizes comparable. An SVG is
 *  rasterised once for each angle, and scaled copies are kept: composing a scene touches neither SVG nor sharp. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import sharp, { type Sharp } from "sharp";
import { z } from "zod";
import { UserError } from "../../errors.js";
import { findName, objectNames } from "../world/object-names.js";
import type { Style } from "../world/world.js";

/** RGBA, not premultiplied, row by row. */
export interface Sprite {
  width: number;
  height: number;
  pixels: Uint8Array;
}

export interface Artwork {
  /** The drawing, its longer side `side` pixels, turned by `angle` degrees before the cut. */
  sprite(style: Style, name: string, side: number, angle: number): Promise<Sprite>;
}

const iconSchema = z.object({
  body: z.string(),
  left: z.number().optional(),
  top: z.number().optional(),
  width: z.number().optional(),
  height: z.number().optional(),
});
const iconSetSchema = z.object({
  width: z.number().default(16),
  height: z.number().default(16),
  icons: z.record(z.string(), iconSchema),
  /** Other names of an icon; those that also turn or mirror it are not followed. */
  aliases: z.record(z.string(), z.looseObject({ parent: z.string() })).default({}),
});

/** Pixels along a side of the raster that scaled copies are made from. */
const masterSide = 192;
/** Alpha from which on a pixel counts as visible for the cut. */
const visible = 16;

export function loadArtwork(): Artwork {
  const masters = new Map<string, Promise<Sprite>>();
  const scaled = new Map<string, Promise<Sprite>>();
  const master = (style: Style, name: string, angle: number) =>
    remember(masters, `${style}/${name}/${angle}`, async () => {
      const svg = (await readIconSet(style)).get(findName(name)?.icon ?? "");
      if (svg === undefined) throw new UserError(`the icon set ${style} has no drawing of "${name}"`);
      return await rasterize(svg, angle);
    });
  return {
    sprite: (style, name, side, angle) =>
      remember(scaled, `${style}/${name}/${side}/${angle}`, async () => scale(await master(style, name, angle), side)),
  };
}

/** One promise for each key; a failure is not kept. */
function remember<K, V>(cache: Map<K, Promise<V>>, key: K, make: () => Promise<V>): Promise<V> {
  const known = cache.get(key);
  if (known !== undefined) return known;
  const made = make();
  cache.set(key, made);
  made.catch(() => cache.delete(key));
  return made;
}

const iconSets = new Map<Style, Promise<ReadonlyMap<string, string>>>();

/** SVGs of the world's drawings, by their keys: a set has thousands more. Megabytes of JSON, so each is read once. */
export function readIconSet(style: Style): Promise<ReadonlyMap<string, string>> {
  return remember(iconSets, style, () => parseIconSet(style));
}

async function parseIconSet(style: Style): Promise<ReadonlyMap<string, string>> {
  const set = iconSetSchema.parse(JSON.parse(await readPackageFile(`@iconify-json/${style}`, "icons.json")));
  const found = new Map<string, string>();
  for (const { icon } of objectNames) {
    const alias = set.aliases[icon];
    const source = set.icons[alias !== undefined && Object.keys(alias).length === 1 ? alias.parent : icon];
    if (source === undefined) continue;
    const { body, left = 0, top = 0, width = set.width, height = set.height } = source;
    found.set(
      icon,
      `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" ` +
        `viewBox="${left} ${top} ${width} ${height}" width="${masterSide}" height="${masterSide}">${body}</svg>`,
    );
  }
  return found;
}

async function readPackageFile(name: string, file: string): Promise<string> {
  try {
    return await readFile(createRequire(import.meta.url).resolve(`${name}/${file}`), "utf8");
  } catch (cause) {
    throw new UserError(`the artwork of ${name} cannot be read`, "Install the dependencies again: npm ci", { cause });
  }
}

async function rasterize(svg: string, angle: number): Promise<Sprite> {
  const clear = { r: 0, g: 0, b: 0, alpha: 0 };
  const upright = sharp(Buffer.from(svg)).ensureAlpha();
  const turned = angle === 0 ? upright : sharp(await upright.png().toBuffer()).rotate(angle, { background: clear });
  return cut(await raw(turned));
}

async function scale(sprite: Sprite, side: number): Promise<Sprite> {
  const factor = side / Math.max(sprite.width, sprite.height);
  const width = Math.max(1, Math.round(sprite.width * factor));
  const height = Math.max(1, Math.round(sprite.height * factor));
  const input = { width: sprite.width, height: sprite.height, channels: 4 as const };
  return await raw(sharp(sprite.pixels, { raw: input }).resize(width, height, { fit: "fill" }));
}

async function raw(image: Sharp): Promise<Sprite> {
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, pixels: data };
}

/** The smallest rectangle around what is visible. */
function cut({ width, height, pixels }: Sprite): Sprite {
  let [left, top, right, bottom] = [width, height, 0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if ((pixels[(y * width + x) * 4 + 3] ?? 0) < visible) continue;
      left = Math.min(left, x);
      right = Math.max(right, x + 1);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y + 1);
    }
  }
  if (right <= left) throw new Error("a drawing without a visible pixel");
  const rows = Array.from({ length: bottom - top }, (_, y) =>
    pixels.subarray(((top + y) * width + left) * 4, ((top + y) * width + right) * 4),
  );
  return { width: right - left, height: bottom - top, pixels: Buffer.concat(rows) };
}
