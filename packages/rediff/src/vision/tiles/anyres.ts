/** Where the pixels of a picture go: pinpoints, best resolution, grid of tiles, letterbox, and the way back (unpad).
 *
 *  Pure arithmetic, no pixels. Everything follows LLaVA-NeXT's "anyres" (arXiv 2310.03744 and its follow-ups) as the
 *  reference computes it in float64, truncations included: one row of patches more or less is another prompt.
 *  Departures: a pinpoint that is no multiple of the tile, an empty list and an unknown mode are errors here; the
 *  reference fails much later, or assumes a 2x2 grid. */

import { z } from "zod";
import { UserError } from "../../errors.js";

/** Pixels, tiles or patches; which one is said where it is used. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Offset {
  readonly left: number;
  readonly top: number;
}

/** Tiles of an anyres picture, the base view not counted. */
export interface Grid {
  readonly columns: number;
  readonly rows: number;
}

/** What `image_aspect_ratio` of a config means. `maxTiles` is the K of `anyres_max_K`. */
export type AspectRatio =
  | { readonly kind: "anyres"; readonly maxTiles?: number }
  | { readonly kind: "pad" }
  | { readonly kind: "square" };

/** How a picture is cut. */
export interface TilingOptions {
  readonly tileSize: number;
  readonly aspectRatio: AspectRatio;
  /** Needed for anyres only. */
  readonly pinpoints?: readonly Size[];
}

/** Every picture is compared with every pinpoint, and cut into all tiles of one: published models have 36 of each. */
const MOST_PINPOINTS = 1024;
const MOST_TILES = 1024;

/** The reference insists on one of these when pinpoints are given as a range, because then the tile gives the scale. */
const RANGE_TILE_SIZES: readonly number[] = [224, 336, 384, 448, 512];

const pinpointList = z.array(z.tuple([z.number().int().positive(), z.number().int().positive()])).min(1);

/** Reads `image_aspect_ratio`: "anyres", "anyres_max_4", "pad", "square"; absent means square. */
export function parseAspectRatio(value: string | null | undefined): AspectRatio {
  if (value === undefined || value === null || value === "square") return { kind: "square" };
  if (value === "pad") return { kind: "pad" };
  if (value === "anyres") return { kind: "anyres" };
  const max = /^anyres_max_([1-9]\d*)$/.exec(value);
  if (max !== null) return { kind: "anyres", maxTiles: Number(max[1]) };
  throw new UserError(
    `image_aspect_ratio is ${JSON.stringify(value.slice(0, 100))}; expected anyres, anyres_max_K, pad or square`,
    "Correct it in config.json (highres and crop_split are legacy modes that no published model uses)",
  );
}

/** The resolutions that an anyres picture may take, in the order in which they are tried.
 *
 *  `value` is what a config holds: `"(1x1),...,(6x6)"` (tiles, first and last pair of a range, first index outer), a
 *  literal list in a string, or the list itself; pairs are [width, height] in pixels. */
export function parsePinpoints(value: unknown, tileSize: number): readonly Size[] {
  const pairs = typeof value === "string" && value.includes("x") ? pinpointRange(value, tileSize) : readPairs(value);
  if (pairs.length > MOST_PINPOINTS)
    throw new UserError(`image_grid_pinpoints holds ${pairs.length} pairs; at most ${MOST_PINPOINTS} are supported`);
  const large = pairs.find(([width, height]) => width * height > MOST_TILES * tileSize ** 2);
  if (large !== undefined)
    throw new UserError(
      `image_grid_pinpoints holds [${large[0]}, ${large[1]}], and a picture has at most ${MOST_TILES} tiles of ${tileSize}x${tileSize}`,
    );
  const odd = pairs.find(([width, height]) => width % tileSize !== 0 || height % tileSize !== 0);
  if (odd !== undefined) {
    throw new UserError(
      `image_grid_pinpoints holds [${odd[0]}, ${odd[1]}], which is no multiple of the tile size ${tileSize}`,
      "Pinpoints and the vision tower's image_size do not belong together; check config.json",
    );
  }
  return pairs.map(([width, height]) => ({ width, height }));
}

function pinpointRange(text: string, tileSize: number): [number, number][] {
  if (!RANGE_TILE_SIZES.includes(tileSize)) {
    throw new UserError(
      `image_grid_pinpoints is the range "${text.slice(0, 80)}", and the tile size is ${tileSize}; ranges need one of ${RANGE_TILE_SIZES.join(", ")}`,
      "List the [width, height] pairs instead",
    );
  }
  const corners = [...text.matchAll(/\((\d+)x(\d+)\)/g)].map((match): [number, number] => [
    Number(match[1]),
    Number(match[2]),
  ]);
  const [first, last] = [corners.at(0), corners.at(-1)];
  if (first === undefined || last === undefined) throw unreadablePinpoints(text);
  if ((last[0] - first[0] + 1) * (last[1] - first[1] + 1) > MOST_PINPOINTS)
    throw new UserError(
      `image_grid_pinpoints is the range "${text.slice(0, 80)}"; at most ${MOST_PINPOINTS} pairs are supported`,
    );
  const pairs: [number, number][] = [];
  for (let columns = first[0]; columns <= last[0]; columns++) {
    for (let rows = first[1]; rows <= last[1]; rows++) pairs.push([columns * tileSize, rows * tileSize]);
  }
  if (pairs.length === 0 || first[0] < 1 || first[1] < 1) throw unreadablePinpoints(text);
  return pairs;
}

function readPairs(value: unknown): [number, number][] {
  const parsed = pinpointList.safeParse(typeof value === "string" ? readLiteral(value) : value);
  if (!parsed.success) throw unreadablePinpoints(value);
  return parsed.data;
}

/** A Python literal of numbers in lists or tuples is JSON but for the parentheses and trailing commas. */
function readLiteral(text: string): unknown {
  try {
    return JSON.parse(
      text
        .replaceAll("(", "[")
        .replaceAll(")", "]")
        .replace(/,\s*\]/g, "]"),
    );
  } catch {
    return undefined;
  }
}

function unreadablePinpoints(value: unknown): UserError {
  const shown = typeof value === "string" ? `"${value}"` : (JSON.stringify(value) ?? String(value));
  return new UserError(
    `image_grid_pinpoints is ${shown.length > 80 ? `${shown.slice(0, 77)}...` : shown}; expected "(1x1),...,(6x6)" or [width, height] pairs`,
    "Correct image_grid_pinpoints in config.json",
  );
}

/** The pinpoint that keeps most of the picture's own pixels; among equals, the one that wastes least; then the first. */
export function bestResolution(image: Size, pinpoints: readonly Size[]): Size {
  let best: Size | undefined;
  let bestEffective = 0;
  let bestWaste = Number.POSITIVE_INFINITY;
  for (const candidate of pinpoints) {
    const scale = Math.min(candidate.width / image.width, candidate.height / image.height);
    const scaled = Math.trunc(image.width * scale) * Math.trunc(image.height * scale);
    const effective = Math.min(scaled, image.width * image.height);
    const waste = candidate.width * candidate.height - effective;
    if (effective > bestEffective || (effective === bestEffective && waste < bestWaste)) {
      best = candidate;
      bestEffective = effective;
      bestWaste = waste;
    }
  }
  if (best === undefined) throw unreadablePinpoints([]);
  return best;
}

export function tooThin({ width, height }: Size, why: string): UserError {
  return new UserError(`a picture of ${width} x ${height} pixels is too long and thin: ${why}`, "Crop it");
}

/** Tiles across and down of a picture of this size. */
/** The longer side of the largest picture that is not made smaller: more pixels than that, a model never sees. */
export function largestView({
  tileSize,
  aspectRatio,
  pinpoints,
}: {
  tileSize: number;
  aspectRatio: AspectRatio;
  pinpoints: readonly Size[];
}): number {
  const isCut = aspectRatio.kind === "anyres";
  return Math.max(tileSize, ...(isCut ? pinpoints.flatMap(({ width, height }) => [width, height]) : []));
}

export function anyresGrid(image: Size, pinpoints: readonly Size[], tileSize: number): Grid {
  const best = bestResolution(image, pinpoints);
  return { columns: Math.floor(best.width / tileSize), rows: Math.floor(best.height / tileSize) };
}

/** The picture scaled into `target` with its shape kept (the shorter side rounded up), and where it is pasted. */
export function letterbox(image: Size, target: Size): Size & Offset {
  const scaleWidth = target.width / image.width;
  const scaleHeight = target.height / image.height;
  const width = scaleWidth < scaleHeight ? target.width : Math.min(Math.ceil(image.width * scaleHeight), target.width);
  const height =
    scaleWidth < scaleHeight ? Math.min(Math.ceil(image.height * scaleWidth), target.height) : target.height;
  return { width, height, left: (target.width - width) >> 1, top: (target.height - height) >> 1 };
}

/** The rows and columns of a patch map that hold the picture and not the letterbox around it.
 *
 *  The same amount is cut on both sides, so one row or column of black may stay; and a picture thinner than a patch
 *  can lose everything in a map with an even number of columns, as in the reference. */
export function unpadWindow(map: Size, image: Size): Size & Offset {
  if (image.width / image.height > map.width / map.height) {
    const kept = Math.trunc(image.height * (map.width / image.width));
    const top = (map.height - kept) >> 1;
    return { left: 0, top, width: map.width, height: map.height - 2 * top };
  }
  const kept = Math.trunc(image.width * (map.height / image.height));
  const left = (map.width - kept) >> 1;
  return { left, top: 0, width: map.width - 2 * left, height: map.height };
}

/** `anyres_max_K`: the size to which a patch map is interpolated when it holds more than about K tiles of patches.
 *
 *  times = sqrt(H W / (K n^2)); above 1.1 the map shrinks to (floor(H / times), floor(W / times)), else it stays. */
export function limitMap(map: Size, maxTiles: number, patchesPerSide: number): Size {
  const times = Math.sqrt((map.height * map.width) / (maxTiles * patchesPerSide ** 2));
  if (times <= 1.1) return { width: map.width, height: map.height };
  const limited = { width: floorDivide(map.width, times), height: floorDivide(map.height, times) };
  if (limited.width < 1 || limited.height < 1) {
    throw new UserError(
      `a map of ${map.width} x ${map.height} patches shrinks to ${limited.width} x ${limited.height} under anyres_max_${maxTiles}`,
      "The picture is too long and thin for this model; crop it",
    );
  }
  return limited;
}

/** Python's `//` on floats: the floor of the exact quotient, where `Math.floor(a / b)` may have been rounded up. */
function floorDivide(a: number, b: number): number {
  const quotient = (a - (a % b)) / b;
  const floor = Math.floor(quotient);
  return quotient - floor > 0.5 ? floor + 1 : floor;
}
