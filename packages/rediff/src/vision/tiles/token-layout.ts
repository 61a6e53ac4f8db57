/** How many language tokens a picture or a video becomes, and how they are laid out.
 *
 *  The model's assembly executes a layout; prompts and the batch planner only read its `tokens`. `n` is the number of
 *  patches along a side of a tile (27 for SigLIP so400m/14 at 384). Reference: `prepare_inputs_labels_for_multimodal`,
 *  without `add_faster_video`, which reads features that are never computed. */

import { UserError } from "../../errors.js";
import { type AspectRatio, anyresGrid, type Grid, limitMap, type Offset, type Size, unpadWindow } from "./anyres.js";

/** What `mm_patch_merge_type` of a config means. */
export type MergeType =
  | { readonly kind: "flat" }
  | { readonly kind: "spatial"; readonly unpad: boolean; readonly base: boolean; readonly maxPool: boolean };

export type NewlinePosition = "grid" | "frame" | "one_token" | "no_token";
export type PoolMode = "bilinear" | "average" | "max";

/** The part of a model's configuration that decides on shapes. */
export interface VisionGeometry {
  /** Pixels along a side of a tile: the vision tower's image_size. */
  readonly tileSize: number;
  /** Patches along a side of a tile: floor(image_size / patch_size). */
  readonly patchesPerSide: number;
  readonly aspectRatio: AspectRatio;
  /** Needed for anyres only. */
  readonly pinpoints: readonly Size[];
  readonly mergeType: MergeType;
  readonly newlinePosition: NewlinePosition;
  readonly poolMode: PoolMode;
}

/** A picture's tokens.
 *
 *  - `views`: the patches of `views` tiles one after the other, then one newline if `newline`.
 *  - `map`: the base view's patches if `base`; then the map of `grid` tiles, [grid.rows n, grid.columns n] patches, cut to
 *    `window`, brought to `size` (bilinear where it differs from the window, or 2x2 max-pooled), a newline after each
 *    row if `newline`, row by row. */
export type PictureLayout =
  | { readonly kind: "views"; readonly views: number; readonly newline: boolean; readonly tokens: number }
  | {
      readonly kind: "map";
      readonly views: number;
      readonly base: boolean;
      readonly grid: Grid;
      readonly window: Size & Offset;
      readonly resize: "none" | "bilinear" | "max_pool";
      readonly size: Size;
      readonly newline: boolean;
      readonly tokens: number;
    };

/** A video's tokens: frames of `side` x `side` pooled patches, newlines as `newline` says. */
export interface VideoLayout {
  readonly frames: number;
  readonly side: number;
  readonly poolMode: PoolMode;
  readonly newline: NewlinePosition;
  readonly tokens: number;
}

/** Reads `mm_patch_merge_type`: "flat" (also when absent) or "spatial" with _unpad, _nobase, _maxpool2x2. */
export function parseMergeType(value: string | null | undefined): MergeType {
  if (value === undefined || value === null || value === "flat") return { kind: "flat" };
  const [kind, ...parts] = value.split("_");
  if (kind !== "spatial" || parts.some((part) => !["unpad", "nobase", "maxpool2x2"].includes(part))) {
    throw new UserError(
      `mm_patch_merge_type is "${value}"; expected flat, or spatial with any of _unpad, _nobase, _maxpool2x2`,
      "Correct mm_patch_merge_type in config.json",
    );
  }
  return {
    kind: "spatial",
    unpad: parts.includes("unpad"),
    base: !parts.includes("nobase"),
    maxPool: parts.includes("maxpool2x2"),
  };
}

/** Tiles of a picture, the base view included: what the vision tower will be given. */
export function pictureViews(image: Size, geometry: VisionGeometry): number {
  if (geometry.aspectRatio.kind !== "anyres") return 1;
  const grid = anyresGrid(image, geometry.pinpoints, geometry.tileSize);
  return 1 + grid.columns * grid.rows;
}

/** The layout of a picture whose original size is `image`. */
export function pictureLayout(image: Size, geometry: VisionGeometry): PictureLayout {
  const { aspectRatio, mergeType, patchesPerSide: n } = geometry;
  const views = pictureViews(image, geometry);
  if (mergeType.kind === "flat") return { kind: "views", views, newline: false, tokens: views * n * n };
  if (aspectRatio.kind !== "anyres") {
    return { kind: "views", views, newline: mergeType.unpad, tokens: n * n + (mergeType.unpad ? 1 : 0) };
  }

  const grid = anyresGrid(image, geometry.pinpoints, geometry.tileSize);
  const map = { width: grid.columns * n, height: grid.rows * n };
  const base = mergeType.base ? n * n : 0;
  const common = { kind: "map", views, base: mergeType.base, grid } as const;
  if (mergeType.maxPool) {
    const size = { width: map.width >> 1, height: map.height >> 1 };
    const window = { ...map, left: 0, top: 0 };
    return { ...common, window, resize: "max_pool", size, newline: false, tokens: base + size.width * size.height };
  }
  const window = mergeType.unpad ? unpadWindow(map, image) : { ...map, left: 0, top: 0 };
  const limited = mergeType.unpad && aspectRatio.maxTiles !== undefined;
  const size = limited ? limitMap(window, aspectRatio.maxTiles, n) : { width: window.width, height: window.height };
  const resize = size.width === window.width && size.height === window.height ? "none" : "bilinear";
  const tokens = base + size.height * (size.width + (mergeType.unpad ? 1 : 0));
  return { ...common, window, resize, size, newline: mergeType.unpad, tokens };
}

/** The layout of a video of `frames` frames. Pooling always has stride 2, whatever mm_spatial_pool_stride says. */
export function videoLayout(frames: number, geometry: VisionGeometry): VideoLayout {
  const { mergeType, poolMode, patchesPerSide: n } = geometry;
  const side = poolMode === "bilinear" ? Math.ceil(n / 2) : Math.floor(n / 2);
  const newline =
    mergeType.kind === "flat" ? "no_token" : oneTokenNeedsUnpad(geometry.newlinePosition, mergeType.unpad);
  const tokens = {
    grid: frames * side * (side + 1),
    frame: frames * (side * side + 1),
    one_token: frames * side * side + 1,
    no_token: frames * side * side,
  }[newline];
  return { frames, side, poolMode, newline, tokens };
}

/** A single closing newline belongs to the unpad merge types only; the other two positions do not ask. */
function oneTokenNeedsUnpad(position: NewlinePosition, unpad: boolean): NewlinePosition {
  return position === "one_token" && !unpad ? "no_token" : position;
}

/** What of a picture or a video its rows depend on. */
export interface LaidOut {
  readonly kind: "picture" | "video";
  readonly tiles: number;
  readonly imageSize: Size;
}

/** Rows that a visual takes in a sequence: what `pictureLayout` or `videoLayout` says of its tiles. A single view (padded
 *  picture, dummy) has no map. */
export function visualRows(visual: LaidOut, geometry: VisionGeometry): number {
  if (visual.kind === "video") return videoLayout(visual.tiles, geometry).tokens;
  const aspectRatio = visual.tiles === 1 ? ({ kind: "square" } as const) : geometry.aspectRatio;
  return pictureLayout(visual.imageSize, { ...geometry, aspectRatio }).tokens;
}
