/** Pictures and videos of a micro-batch through tower and projector, and gradients back through them.
 *
 *  Visuals go in groups, each of as many as together stay small: a pass over one little picture costs its hundreds of
 *  operators more than its products. A group's tiles go through the tower in chunks, its features through the projector
 *  at once. Groups depend on the visuals and the tower's shape alone, so that a resumed run sums in the same order.
 *
 *  Only what is trained, or comes after something that is, is differentiated: a frozen tower runs once and leaves
 *  nothing behind. Text-only samples run nothing; the reference sends a blank tile through the tower for each. */
import { cat, scope, type Tensor } from "@rediff/torch";
import type { SiglipConfig } from "../../checkpoint/config.js";
import { type Eyes, layOut, type Model, normalizePixels } from "../../models/llava/model.js";
import { project } from "../../models/projector/projector.js";
import { embedPatches, layer, patchesPerSide, type Siglip } from "../../models/siglip/siglip.js";
import type { Visual } from "../../vision/tiles/tiles.js";
import { type Checkpointing, type Pass, runForward, type Stage, stage, type Tunables } from "./reverse.js";

/** Elements of the features that go through the tower together, 8 tiles of SigLIP-so400m's: bounds the memory of a layer
 *  that is differentiated. */
const MAX_ELEMENTS = 8 * 729 * 1152;

/** All visuals of a micro-batch: their rows in the language model, and the way back from those rows' gradients. */
export interface VisualPass {
  /** Of each visual: [tokens, D] */
  readonly rows: readonly Tensor[];
  readonly differentiable: boolean;
  /** Goes back once. `gradients[i]` is that of the first rows of visual i, [tokens or fewer, D]; what is missing is
   *  zero, as for rows that a cut sample does not have. */
  backward(gradients: readonly (Tensor | undefined)[]): void;
}

export const noVisuals: VisualPass = { rows: [], differentiable: false, backward() {} };

/** To be called without recording; what is kept belongs to the open scope. `maxElements` is for tests. */
export function visualPass(
  model: Model,
  eyes: Eyes,
  visuals: readonly Visual[],
  tunables: Tunables,
  options: { checkpointing: Checkpointing; maxElements?: number },
): VisualPass {
  const { checkpointing, maxElements = MAX_ELEMENTS } = options;
  const maxTiles = Math.max(1, Math.floor(maxElements / featuresPerTile(eyes.tower.config)));
  const groups = groupVisuals(visuals, maxTiles).map((group) =>
    groupPass(model, eyes, group, tunables, { checkpointing, maxTiles }),
  );
  return {
    rows: groups.flatMap(({ rows }) => rows),
    differentiable: groups.some(({ differentiable }) => differentiable),
    backward(gradients) {
      let first = 0;
      for (const group of groups) {
        const own = gradients.slice(first, first + group.rows.length);
        first += group.rows.length;
        if (group.differentiable && own.some((gradient) => gradient !== undefined)) group.backward(own);
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

function groupPass(
  model: Model,
  eyes: Eyes,
  visuals: readonly Visual[],
  tunables: Tunables,
  { checkpointing, maxTiles }: { checkpointing: Checkpointing; maxTiles: number },
): VisualPass {
  const pixels = normalizePixels(joinTiles(visuals), model.dtype, model.device);
  const tiles = pixels.size(0);
  const stages = towerStages(eyes.tower);
  const towers: Pass[] = [];
  for (let start = 0; start < tiles; start += maxTiles) {
    const chunk = pixels.narrow(0, start, Math.min(maxTiles, tiles - start));
    towers.push(runForward(stages, chunk, tunables, { needsInput: false, checkpointing }));
  }
  const needsInput = towers.some(({ differentiable }) => differentiable);
  const features = joined(towers.map(({ output }) => output));
  const counts: number[] = [];
  const head = runForward([layOutStage(eyes, visuals, counts)], features, tunables, { needsInput, checkpointing });
  if (towers.length > 1) features.dispose();
  if (!needsInput) for (const { output } of [{ output: pixels }, ...towers]) output.dispose();
  const rows = head.output.splitWithSizes(counts, 0);
  return {
    rows,
    differentiable: head.differentiable,
    backward(gradients) {
      const rowsGradient = scope(() => placeGradients(gradients, counts, head.output));
      for (const own of rows) own.dispose();
      const featuresGradient = head.backward(rowsGradient);
      rowsGradient.dispose();
      if (featuresGradient === undefined) return;
      let start = 0;
      for (const tower of towers) {
        const count = Math.min(maxTiles, tiles - start);
        tower.backward(featuresGradient.narrow(0, start, count));
        start += count;
      }
      featuresGradient.dispose();
    },
  };
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

function towerStages({ config, weights }: Siglip): Stage[] {
  const { patchEmbedding, positions, layers } = weights;
  return [
    stage({ patchEmbedding, positions }, (w, pixels) => embedPatches(w, pixels, config)),
    ...layers.map((w) => stage(w, (weights, x) => layer(weights, x, config))),
  ];
}

/** Projector and newline: features of all tiles [T, P, C] to the rows of all visuals, one after another [tokens, D].
 *  Says in `counts` how many rows each has. */
function layOutStage(eyes: Eyes, visuals: readonly Visual[], counts: number[]): Stage {
  const { projector, newline } = eyes;
  return stage({ projector, newline }, (weights, features) => {
    const projected = project(weights.projector, features).splitWithSizes(
      visuals.map(({ tiles }) => tiles),
      0,
    );
    const rows = visuals.map((visual, i) =>
      layOut({ ...eyes, newline: weights.newline }, projected[i] as Tensor, visual),
    );
    counts.splice(0, counts.length, ...rows.map((own) => own.size(0)));
    return joined(rows);
  });
}

/** The gradients of each visual's first rows as one of all rows, zeros elsewhere: [tokens, D] */
function placeGradients(gradients: readonly (Tensor | undefined)[], counts: readonly number[], rows: Tensor): Tensor {
  const all = rows.newZeros(rows.shape);
  let start = 0;
  for (const [i, count] of counts.entries()) {
    const own = gradients[i];
    if (own !== undefined) all.narrow(0, start, own.size(0)).copy_(own);
    start += count;
  }
  return all;
}

const joined = (parts: readonly Tensor[]): Tensor => (parts.length === 1 ? (parts[0] as Tensor) : cat(parts, 0));
