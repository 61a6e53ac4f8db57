/** Pictures and videos to the rows that stand for them in the language model: tower, projector, layout, newline vector.
 *  T tiles, S side of a tile in pixels, P patches, C width of the tower, D of the language model, M rows of all visuals.
 *
 *  Visuals go in groups. A group's tiles go through the tower in chunks, its features through the projector at once. One
 *  path for everybody: who describes runs the chain forward, who trains runs it so that it can go back. */
import { cat, type Device, type DType, fromBuffer, scope, type Tensor, upload } from "@rediff/torch";
import { normalizedLevels, type Tiles, type Visual } from "../../vision/tiles/tiles.js";
import { pictureLayout, videoLayout } from "../../vision/tiles/token-layout.js";
import { allPieces, type ChainRunner, chainPieces, type Pass, type Pieces, type Stage, stage } from "../chain.js";
import { project } from "../projector/projector.js";
import { patchesPerSide, type SiglipConfig, siglipStages } from "../siglip/siglip.js";
import { type KeptFeatures, visualKey } from "./kept-features.js";
import { type Model, needVision, type VisionEncoder } from "./llava.js";
import { pictureTokens, videoTokens } from "./visual-tokens.js";

/** The rows of several visuals, and the way back from those rows' gradients. */
export interface VisualPass {
  /** Of each visual: [tokens, D] */
  readonly rows: readonly Tensor[];
  readonly differentiable: boolean;
  /** Goes back once. `gradients[i]` is that of the first rows of visual i, [tokens or fewer, D]; what is missing is
   *  zero, as for rows that a cut sample does not have. */
  backward(gradients: readonly (Tensor | undefined)[]): Pieces<void>;
}

export const noVisuals: VisualPass = { rows: [], differentiable: false, *backward() {} };

/** Elements of the features that go through the tower together, 16 tiles of SigLIP-so400m's: bounds the memory of a
 *  layer, and the time until others have their turn. */
const ELEMENTS_FORWARD = 16 * 729 * 1152;

/** What each picture or video contributes to the prompt: one [tokens, D] for each. A visual goes alone, so that its rows
 *  do not depend on its neighbours. @throws UserError for a text-only model */
export function encodeVisuals(model: Model, visuals: readonly Visual[], maxTiles?: number): Tensor[] {
  return scope(() => allPieces(visualPieces(model, visuals, maxTiles)));
}

/** The same piece by piece: yields between two layers of the tower. Each piece, the first one too, belongs to the scope in
 *  which it is asked for.
 *  @param maxTiles of a piece; default as many as a tower of this size takes well
 *  @param kept has the rows of visuals that were encoded before, and gets those of others */
export function* visualPieces(
  model: Model,
  visuals: readonly Visual[],
  maxTiles?: number,
  kept?: KeptFeatures,
): Pieces<Tensor[]> {
  if (visuals.length === 0) return [];
  if (kept === undefined || kept.limit === 0) return yield* encodePieces(model, visuals, maxTiles);
  const keys: string[] = [];
  for (const visual of visuals) {
    const naming = visualKey(visual);
    let name = naming.next();
    for (; !name.done; name = naming.next()) yield { part: "vision", done: 0, total: visuals.length };
    keys.push(name.value);
  }
  const known = keys.map((key) => kept.find(key));
  const missing = visuals.filter((_, i) => known[i] === undefined);
  const encoded = (yield* encodePieces(model, missing, maxTiles)).values();
  return known.map((rows, i) => {
    if (rows !== undefined) return rows;
    const fresh = encoded.next().value as Tensor;
    kept.keep(keys[i] as string, fresh);
    return fresh;
  });
}

function* encodePieces(model: Model, visuals: readonly Visual[], maxTiles: number | undefined): Pieces<Tensor[]> {
  const vision = needVision(model);
  const most = maxTiles ?? Math.max(1, Math.floor(ELEMENTS_FORWARD / featuresPerTile(vision.tower.config)));
  const layers = vision.tower.weights.layers.length + 1; // the first stage makes the patches
  const total = layers * visuals.reduce((sum, { tiles }) => sum + Math.ceil(tiles / most), 0);
  let before = 0;
  const rows: Tensor[] = [];
  for (const visual of visuals) {
    const features: Tensor[] = [];
    for (let start = 0; start < visual.tiles; start += most) {
      if (before > 0) yield { part: "vision", done: before, total };
      const pieces = towerPieces(model, vision, tilesFrom(visual, start, most));
      let piece = pieces.next();
      for (; !piece.done; piece = pieces.next()) yield { part: "vision", done: before + piece.value.done, total };
      features.push(piece.value);
      before += layers;
    }
    rows.push(scope(() => layOut(vision, project(vision.projector, joined(features)), visual, vision.newline)));
    for (const own of features) own.dispose();
  }
  return rows;
}

/** Tiles to features: [T, P, C] */
function* towerPieces(
  model: Model,
  vision: VisionEncoder,
  tiles: Parameters<typeof normalizePixels>[0],
): Pieces<Tensor> {
  const pixels_T3SS = normalizePixels(tiles, model.dtype, model.device);
  const features_TPC = yield* chainPieces(siglipStages(vision.tower), pixels_T3SS, "vision");
  pixels_T3SS.dispose();
  return features_TPC;
}

function tilesFrom({ pixels, tiles, tileSize }: Visual, start: number, most: number) {
  const count = Math.min(most, tiles - start);
  const size = 3 * tileSize * tileSize;
  return { pixels: pixels.subarray(start * size, (start + count) * size), tiles: count, tileSize };
}

/** Elements of the features that go through the tower together in training, 8 tiles of SigLIP-so400m's: bounds the
 *  memory of a layer that is differentiated. */
const MAX_ELEMENTS = 8 * 729 * 1152;

/** All visuals of a micro-batch, in groups of as many as together stay small: a pass over one little picture costs its
 *  hundreds of operators more than its products. Groups depend on the visuals and the tower's shape alone, so that a
 *  resumed run sums in the same order. What the passes keep belongs to the open scope.
 *  @param maxElements for tests */
export function* visualPass(
  model: Pick<Model, "dtype" | "device">,
  vision: VisionEncoder,
  visuals: readonly Visual[],
  run: ChainRunner,
  maxElements = MAX_ELEMENTS,
): Pieces<VisualPass> {
  const maxTiles = Math.max(1, Math.floor(maxElements / featuresPerTile(vision.tower.config)));
  const groups: VisualPass[] = [];
  for (const group of groupVisuals(visuals, maxTiles))
    groups.push(yield* groupPass(model, vision, group, run, maxTiles));
  return {
    rows: groups.flatMap(({ rows }) => rows),
    differentiable: groups.some(({ differentiable }) => differentiable),
    *backward(gradients) {
      let first = 0;
      for (const group of groups) {
        const own = gradients.slice(first, first + group.rows.length);
        first += group.rows.length;
        if (group.differentiable && own.some((gradient) => gradient !== undefined)) yield* group.backward(own);
      }
    },
  };
}

const featuresPerTile = (config: SiglipConfig): number => patchesPerSide(config) ** 2 * config.hiddenSize;

/** In order, as many visuals at a time as have `maxTiles` together; one that has more is alone. */
function groupVisuals(visuals: readonly Visual[], maxTiles: number): Visual[][] {
  const groups: Visual[][] = [];
  let room = 0;
  for (const visual of visuals) {
    if (groups.length === 0 || visual.tiles > room) {
      groups.push([]);
      room = maxTiles;
    }
    groups.at(-1)?.push(visual);
    room -= visual.tiles;
  }
  return groups;
}

function* groupPass(
  model: Pick<Model, "dtype" | "device">,
  vision: VisionEncoder,
  visuals: readonly Visual[],
  run: ChainRunner,
  maxTiles: number,
): Pieces<VisualPass> {
  const pixels_T3SS = normalizePixels(joinTiles(visuals), model.dtype, model.device);
  const tiles = pixels_T3SS.size(0);
  const tower = siglipStages(vision.tower);
  const towers: Pass[] = [];
  for (let start = 0; start < tiles; start += maxTiles)
    towers.push(yield* run(tower, pixels_T3SS.narrow(0, start, Math.min(maxTiles, tiles - start)), "vision"));
  const needsInput = towers.some(({ differentiable }) => differentiable);
  const features_TPC = joined(towers.map(({ output }) => output));
  const counts: number[] = [];
  const head = yield* run([layOutStage(vision, visuals, counts)], features_TPC, "vision", { needsInput });
  if (towers.length > 1) features_TPC.dispose();
  if (!needsInput) for (const { output } of [{ output: pixels_T3SS }, ...towers]) output.dispose();
  const rows = head.output.splitWithSizes(counts, 0); // of each visual [tokens, D]
  return {
    rows,
    differentiable: head.differentiable,
    *backward(gradients) {
      const gradient_MD = scope(() => placeGradients(gradients, counts, head.output));
      for (const own of rows) own.dispose();
      const gradient_TPC = yield* head.backward(gradient_MD);
      gradient_MD.dispose();
      if (gradient_TPC === undefined) return;
      let start = 0;
      for (const tower of towers) {
        const count = Math.min(maxTiles, tiles - start);
        yield* tower.backward(gradient_TPC.narrow(0, start, count));
        start += count;
      }
      gradient_TPC.dispose();
    },
  };
}

/** Bytes to what the tower takes: uint8 [T, 3, S, S] -> ((x / 255) - 0.5) / 0.5 in the model's dtype. They cross to a device
 *  as bytes, and become numbers there. */
export function normalizePixels(
  tiles: Pick<Tiles, "pixels" | "tiles" | "tileSize">,
  dtype: DType,
  device: Device,
): Tensor {
  const { pixels, tileSize } = tiles;
  return scope(() => {
    const levels_256 = upload(fromBuffer(normalizedLevels(), [256]), device);
    const index_N = upload(fromBuffer(pixels, [pixels.length]), device).to({ dtype: "int32" });
    return levels_256.indexSelect(0, index_N).view([tiles.tiles, 3, tileSize, tileSize]).to({ dtype });
  });
}

/** The tiles of all visuals, one after another. */
function joinTiles(visuals: readonly Visual[]): Pick<Visual, "pixels" | "tiles" | "tileSize"> {
  const [first] = visuals;
  if (first === undefined) throw new Error("a group of visuals has at least one");
  if (visuals.length === 1) return first;
  const pixels = new Uint8Array(visuals.reduce((sum, visual) => sum + visual.pixels.length, 0));
  let end = 0;
  for (const visual of visuals) {
    pixels.set(visual.pixels, end);
    end += visual.pixels.length;
  }
  return { pixels, tiles: visuals.reduce((sum, visual) => sum + visual.tiles, 0), tileSize: first.tileSize };
}

/** Projector and newline: features of all tiles [T, P, C] to the rows of all visuals, one after another [M, D].
 *  Says in `counts` how many rows each has. */
function layOutStage(vision: VisionEncoder, visuals: readonly Visual[], counts: number[]): Stage {
  const { projector, newline } = vision;
  return stage({ projector, newline }, (w, features_TPC) => {
    const projected = project(w.projector, features_TPC).splitWithSizes(
      visuals.map(({ tiles }) => tiles),
      0,
    );
    const rows = visuals.map((visual, i) => layOut(vision, projected[i] as Tensor, visual, w.newline));
    counts.splice(0, counts.length, ...rows.map((own) => own.size(0)));
    return joined(rows);
  });
}

/** Projected features [T, P, D] of one visual to its rows. A single view (padded picture, dummy) has no map. */
export function layOut(
  { geometry }: Pick<VisionEncoder, "geometry">,
  features_TPD: Tensor,
  visual: Pick<Visual, "kind" | "tiles" | "imageSize">,
  newline_D: Tensor | undefined,
): Tensor {
  if (visual.kind === "video") return videoTokens(features_TPD, videoLayout(visual.tiles, geometry), newline_D);
  const aspectRatio = visual.tiles === 1 ? ({ kind: "square" } as const) : geometry.aspectRatio;
  return pictureTokens(features_TPD, pictureLayout(visual.imageSize, { ...geometry, aspectRatio }), newline_D);
}

/** The gradients of each visual's first rows as one of all rows, zeros elsewhere: [M, D] */
function placeGradients(
  gradients: readonly (Tensor | undefined)[],
  counts: readonly number[],
  rows_MD: Tensor,
): Tensor {
  const all_MD = rows_MD.newZeros(rows_MD.shape);
  let start = 0;
  for (const [i, count] of counts.entries()) {
    const own = gradients[i];
    if (own !== undefined) all_MD.narrow(0, start, own.size(0)).copy_(own);
    start += count;
  }
  return all_MD;
}

const joined = (parts: readonly Tensor[]): Tensor => (parts.length === 1 ? (parts[0] as Tensor) : cat(parts, 0));
