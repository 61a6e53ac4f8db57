/** Golden group image_preprocess: tiles to the byte, and the geometry of the 384/14 tower.
 *
 *  Which mode a case is about follows from the function of the reference that made it. Pictures are decoded from the
 *  files themselves; where the case brings the pixels that the reference's decoder gave, these are compared as well
 *  and used, because JPEG decoders may differ. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { type DecodeOptions, decodePicture } from "../../../vision/picture/decode-picture.js";
import type { OpaqueImage, RasterImage } from "../../../vision/picture/raster-image.js";
import { anyresGrid, bestResolution, parsePinpoints, type Size } from "../../../vision/tiles/anyres.js";
import { makeTiles, normalizedLevels, type Tiles } from "../../../vision/tiles/tiles.js";
import { pictureLayout, type VisionGeometry } from "../../../vision/tiles/token-layout.js";
import { FrameCanvas } from "../../../vision/video/frame-canvas.js";
import type { GoldenCase, GoldenTensor, Outcome } from "../golden-case.js";

const pair = z.tuple([z.number(), z.number()]);

const pictureInputs = z.object({
  image: z.string(),
  convert_rgb: z.boolean().default(true),
  tile: z.number().int(),
  decoded_png: z.string().optional(),
  image_grid_pinpoints: z.array(pair).nullish(),
});

const pictureOutputs = z.object({
  image_size: pair.optional(),
  best_resolution: pair.optional(),
  grid_wh: pair.optional(),
  num_tiles: z.number().optional(),
});

const geometryInputs = z.object({ tile: z.number().int(), patches_per_side: z.number().int() });

const geometryRows = z.object({
  rows: z.array(z.object({ size: pair, best: pair, grid_wh: pair, num_image_tokens: z.number() })),
});

export async function run(golden: GoldenCase): Promise<Outcome> {
  if ("rows" in golden.outputs) return compareGeometry(golden);
  const tensors = golden.tensors();
  const frames = tensors.get("in.frames_u8");
  if (frames !== undefined) {
    const { tile } = z.object({ tile: z.number().int() }).parse(golden.inputs);
    return comparePixels(framesToTiles(splitFrames(frames), tile), tensors, []);
  }
  return comparePicture(golden, tensors);
}

async function comparePicture(golden: GoldenCase, tensors: Map<string, GoldenTensor>): Promise<Outcome> {
  const inputs = pictureInputs.parse(golden.inputs);
  const decoding: DecodeOptions = { colors: inputs.convert_rgb ? "rgb" : "asis", grey16: "clip", autoOrient: false };
  let image: RasterImage = await decodePicture(join(golden.root, inputs.image), decoding);
  const notes: string[] = [];
  if (inputs.decoded_png !== undefined) {
    const recorded = await decodePicture(join(golden.root, inputs.decoded_png), decoding);
    const deviation = largestDifference(image.data, recorded.data);
    if (deviation > 0) notes.push(`decoding differs by up to ${deviation}`);
    image = recorded;
  }

  const kind = preprocessKind(golden.referenceFunction);
  const pinpoints = choosePinpoints(golden, inputs.image_grid_pinpoints, inputs.tile);
  const tiles = makeTiles(image, { tileSize: inputs.tile, aspectRatio: { kind }, pinpoints });
  const outputs = pictureOutputs.parse(golden.outputs);
  const facts = { image_size: sizePair(tiles.imageSize), num_tiles: tiles.tiles };
  const wrong = differences(
    outputs,
    kind === "anyres" ? { ...facts, ...gridFacts(image, pinpoints, inputs.tile) } : facts,
  );
  if (wrong !== undefined) return { status: "failed", deviation: Number.POSITIVE_INFINITY, note: wrong };
  return comparePixels(tiles, tensors, notes);
}

function preprocessKind(referenceFunction: string): "anyres" | "pad" | "square" {
  if (referenceFunction.includes("anyres")) return "anyres";
  return referenceFunction.includes("expand2square") ? "pad" : "square";
}

/** The case's own pinpoints, else those of its checkpoint where they fit the tile, else (1x1) to (6x6). */
function choosePinpoints(golden: GoldenCase, own: unknown, tile: number): readonly Size[] {
  if (own !== undefined && own !== null) return parsePinpoints(own, tile);
  const config = join(golden.checkpoint, "config.json");
  if (golden.checkpoint !== "" && existsSync(config)) {
    const schema = z.looseObject({ image_grid_pinpoints: z.array(pair).nullish() });
    const { image_grid_pinpoints: pairs } = schema.parse(JSON.parse(readFileSync(config, "utf8")));
    if (pairs?.every((sides) => sides.every((side) => side % tile === 0))) return parsePinpoints(pairs, tile);
  }
  return sixBySix(tile);
}

function sixBySix(tile: number): Size[] {
  const sides = [1, 2, 3, 4, 5, 6].map((count) => count * tile);
  return sides.flatMap((width) => sides.map((height) => ({ width, height })));
}

function compareGeometry(golden: GoldenCase): Outcome {
  const { tile, patches_per_side } = geometryInputs.parse(golden.inputs);
  const pinpoints = sixBySix(tile);
  const geometry: VisionGeometry = {
    tileSize: tile,
    patchesPerSide: patches_per_side,
    aspectRatio: { kind: "anyres", maxTiles: 4 },
    pinpoints,
    mergeType: { kind: "spatial", unpad: true, base: true, maxPool: false },
    newlinePosition: "grid",
    poolMode: "bilinear",
  };
  let deviation = 0;
  let note: string | undefined;
  for (const row of geometryRows.parse(golden.outputs).rows) {
    const image = { width: row.size[0], height: row.size[1] };
    const { best_resolution: best, grid_wh } = gridFacts(image, pinpoints, tile);
    const { tokens } = pictureLayout(image, geometry);
    deviation = Math.max(deviation, Math.abs(tokens - row.num_image_tokens));
    note ??= differences(row, { best, grid_wh, num_image_tokens: tokens });
  }
  return note === undefined ? { status: "passed", deviation } : { status: "failed", deviation, note };
}

function gridFacts(image: Size, pinpoints: readonly Size[], tile: number) {
  const grid = anyresGrid(image, pinpoints, tile);
  return { best_resolution: sizePair(bestResolution(image, pinpoints)), grid_wh: [grid.columns, grid.rows] };
}

function sizePair(size: Size): [number, number] {
  return [size.width, size.height];
}

/** The first key on which the recorded facts and ours disagree. */
function differences(recorded: Record<string, unknown>, ours: Record<string, unknown>): string | undefined {
  const wrong = Object.keys(ours).find(
    (key) => recorded[key] !== undefined && JSON.stringify(recorded[key]) !== JSON.stringify(ours[key]),
  );
  if (wrong === undefined) return undefined;
  return `${wrong} is ${JSON.stringify(ours[wrong])}, recorded ${JSON.stringify(recorded[wrong])}`;
}

function comparePixels(tiles: Tiles, tensors: Map<string, GoldenTensor>, notes: string[]): Outcome {
  let deviation = Number.NaN;
  const bytes = tensors.get("out.pixel_values_u8");
  if (bytes !== undefined) deviation = largestDifference(tiles.pixels, bytes.data as Uint8Array);
  const floats = tensors.get("out.pixel_values");
  if (floats !== undefined) {
    const levels = normalizedLevels();
    const ours = Float32Array.from(tiles.pixels, (level) => levels[level] ?? Number.NaN);
    deviation = Math.max(Number.isNaN(deviation) ? 0 : deviation, largestDifference(ours, floats.data as Float32Array));
  }
  if (Number.isNaN(deviation)) return { status: "failed", deviation, note: "the case records no pixels" };
  return {
    status: deviation === 0 ? "passed" : "failed",
    deviation,
    ...(notes.length > 0 ? { note: notes.join("; ") } : {}),
  };
}

/** Infinity when the lengths differ. */
function largestDifference(ours: Uint8Array | Float32Array, recorded: Uint8Array | Float32Array): number {
  if (ours.length !== recorded.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let i = 0; i < ours.length; i++) largest = Math.max(largest, Math.abs((ours[i] ?? 0) - (recorded[i] ?? 0)));
  return largest;
}

/** [F, H, W, 3] to F pictures. */
export function splitFrames({ shape, data }: GoldenTensor): OpaqueImage[] {
  const [count = 0, height = 0, width = 0] = shape;
  const bytes = height * width * 3;
  return Array.from({ length: count }, (_, i) => ({
    mode: "RGB",
    width,
    height,
    data: (data as Uint8Array).subarray(i * bytes, (i + 1) * bytes),
  }));
}

/** The tiles of frames that were recorded as pixels: what a video becomes once it is decoded. */
export function framesToTiles(frames: readonly OpaqueImage[], tileSize: number): Tiles {
  const canvas = new FrameCanvas("frames", [...frames.keys()], tileSize);
  for (const [index, image] of frames.entries()) canvas.put({ index, image });
  return canvas.finish();
}
