/** Pictures and videos through tower and projector, and gradients back through them.
 *
 *  Only what is trained, or comes after something that is, is differentiated: a frozen tower runs once and leaves
 *  nothing behind. Text-only samples run nothing; the reference sends a blank tile through the tower for each. */
import { cat, type Tensor } from "@rediff/torch";
import { type Eyes, layOut, type Model, normalizePixels, type Visual } from "./model.js";
import { project } from "./projector.js";
import { type Checkpointing, type Pass, runForward, type Stage, stage, type Tunables } from "./reverse.js";
import { embedPatches, layer, type Siglip } from "./siglip.js";

/** Tiles that go through the tower together: bounds the memory of a layer that is differentiated. */
const MAX_TILES = 8;

/** One visual: its rows in the language model [tokens, D], and the way back from their gradient. */
export interface VisualPass {
  rows: Tensor;
  readonly differentiable: boolean;
  backward(rowsGradient: Tensor): void;
}

/** To be called without recording; what is kept belongs to the open scope. */
export function visualPass(
  model: Model,
  eyes: Eyes,
  visual: Visual,
  tunables: Tunables,
  checkpointing: Checkpointing,
): VisualPass {
  const pixels = normalizePixels(visual, model.dtype, model.device);
  const stages = towerStages(eyes.tower);
  const towers: Pass[] = [];
  for (let start = 0; start < visual.tiles; start += MAX_TILES) {
    const tiles = pixels.narrow(0, start, Math.min(MAX_TILES, visual.tiles - start));
    towers.push(runForward(stages, tiles, tunables, { needsInput: false, checkpointing }));
  }
  const needsInput = towers.some(({ differentiable }) => differentiable);
  const features = cat(
    towers.map(({ output }) => output),
    0,
  );
  const head = runForward([layOutStage(eyes, visual)], features, tunables, { needsInput, checkpointing });
  features.dispose();
  if (!needsInput) for (const { output } of [{ output: pixels }, ...towers]) output.dispose();
  return {
    rows: head.output,
    differentiable: head.differentiable,
    backward(rowsGradient) {
      const featuresGradient = head.backward(rowsGradient);
      if (featuresGradient === undefined) return;
      let start = 0;
      for (const tower of towers) {
        const tiles = Math.min(MAX_TILES, visual.tiles - start);
        tower.backward(featuresGradient.narrow(0, start, tiles));
        start += tiles;
      }
      featuresGradient.dispose();
    },
  };
}

function towerStages({ config, weights }: Siglip): Stage[] {
  const { patchEmbedding, positions, layers } = weights;
  return [
    stage({ patchEmbedding, positions }, (w, pixels) => embedPatches(w, pixels, config)),
    ...layers.map((w) => stage(w, (weights, x) => layer(weights, x, config))),
  ];
}

/** Projector and newline: features of all tiles [T, P, C] to the visual's rows [tokens, D] */
function layOutStage(eyes: Eyes, visual: Visual): Stage {
  const { projector, newline } = eyes;
  return stage({ projector, newline }, (weights, features) =>
    layOut({ ...eyes, newline: weights.newline }, project(weights.projector, features), visual),
  );
}
