/** Drawings of stickers, fetched an artwork at a time, and cut to what is visible: the sets leave margins of different widths, and
 *  the world's sizes are those of the cut drawings. */
import type { Api } from "../server/api.js";

export interface Sprite {
  image: HTMLCanvasElement;
  width: number;
  height: number;
}

export interface Sprites {
  sprite(style: string, icon: string): Promise<Sprite>;
  /** blob: URL of the drawing. */
  url(style: string, icon: string): Promise<string>;
}

/** Pixels along a side of the raster that scaled copies are made from. */
const RASTER = 256;
/** Alpha from which on a pixel counts as visible. */
const VISIBLE = 16;

export function createSprites(api: Pick<Api, "drawings">): Sprites {
  const artworks = new Map<string, ReturnType<Api["drawings"]>>();
  const urls = new Map<string, Promise<string>>();
  const sprites = new Map<string, Promise<Sprite>>();
  const url = (style: string, icon: string) =>
    remember(urls, `${style}/${icon}`, async () => {
      const svg = (await remember(artworks, style, () => api.drawings(style)))[icon];
      if (svg === undefined) throw new Error(`the artwork ${style} has no ${icon}`);
      return URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
    });
  return {
    url,
    sprite: (style, icon) => remember(sprites, `${style}/${icon}`, async () => rasterize(await url(style, icon))),
  };
}

/** One promise for each key; a failure is not kept. */
function remember<T>(cache: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const known = cache.get(key);
  if (known !== undefined) return known;
  const made = make();
  cache.set(key, made);
  made.catch(() => cache.delete(key));
  return made;
}

async function rasterize(url: string): Promise<Sprite> {
  const drawing = new Image();
  drawing.src = url;
  await drawing.decode();
  const { canvas, context } = blank(RASTER, RASTER);
  context.drawImage(drawing, 0, 0, RASTER, RASTER);
  const box = visibleBox(context.getImageData(0, 0, RASTER, RASTER));
  const cut = blank(box.width, box.height);
  cut.context.drawImage(canvas, -box.left, -box.top);
  return { image: cut.canvas, width: box.width, height: box.height };
}

export function blank(width: number, height: number) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (context === null) throw new Error("this browser has no canvas");
  return { canvas, context };
}

/** The smallest rectangle around what is visible; everything, of an empty drawing. The server cuts its artwork by the
 *  same rule, where there is no canvas: what differs is what the pixels come from. */
export function visibleBox({ width, height, data }: { width: number; height: number; data: ArrayLike<number> }) {
  let [left, top, right, bottom] = [width, height, 0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if ((data[(y * width + x) * 4 + 3] ?? 0) < VISIBLE) continue;
      left = Math.min(left, x);
      right = Math.max(right, x + 1);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y + 1);
    }
  }
  if (right <= left) return { left: 0, top: 0, width, height };
  return { left, top, width: right - left, height: bottom - top };
}
