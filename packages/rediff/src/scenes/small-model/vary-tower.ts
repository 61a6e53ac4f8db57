/** A trained model's tower learns to see artwork that it never saw: it shall see in a varied drawing what it saw in the
 *  drawing itself.
 *
 *  A tower that has seen four styles knows an owl by the colours and contours of four owls. Here it sees every scene
 *  twice, once drawn by a hand of its training and once with each object varied (`variedArtwork`), and learns to give the
 *  language model the same of both: what the tower gave of the first one before this began. The language model needs no
 *  training for that, and no text is involved (distillation of a network into itself, arXiv 1503.02531, with the
 *  variations of consistency training, arXiv 1904.12848). A squared error alone takes every difference for equally bad;
 *  so a layer that learnt to name patches from what the tower gave before has a say in it, too.
 *
 *  B scenes, P patches, C width of the tower, D width of the language model. */
import { cat, fromBuffer, Generator, type Tensor } from "@rediff/torch";
import type { Model } from "../../models/llava/llava.js";
import { project } from "../../models/projector/projector.js";
import { patchesPerSide, patchFeatures } from "../../models/siglip/siglip.js";
import { trainable } from "../../training/backward/parameters.js";
import { loadArtwork } from "../picture/artwork.js";
import { variedArtwork } from "../picture/varied-artwork.js";
import { trainingStyles } from "../world/world.js";
import { classesOf, type DrawnScene, drawScene, pixelsOf } from "./drawn-scenes.js";
import { nameLoss, normalRows, PatchHead } from "./patch-head.js";
import { type TowerOptions, towerOf, updateWeights } from "./tower-updates.js";

/** Squared errors as shares of the goal's variance: 0 is alike, 1 knows nothing. */
export interface SeenAlike {
  /** Of the drawing itself. */
  plain: number;
  /** Of the varied drawing. */
  varied: number;
}

/** Patches with an object count so many times: on the others there is nothing new to learn. */
const OBJECT_WEIGHT = 3;

/** Of the drawing itself, beside the varied one: what the tower knows counts for more than what it learns. */
const PLAIN_WEIGHT = 2;
/** Of the error in naming patches, beside squared errors. */
const NAMING_WEIGHT = 0.3;
/** Updates of the layer that names them, as a share of the tower's; and their rate. */
const NAMING = { updates: 0.2, learningRate: 3e-3 };

/** Trains the tower's weights in place.
 *  @param before the same model once more: what it sees is the goal
 *  @throws UserError for a model without a tower; the signal's reason */
export async function varyTower(model: Model, before: Model, options: TowerOptions<SeenAlike>): Promise<void> {
  const vision = towerOf(model);
  const teacher = towerOf(before);
  const { batch } = options;
  const size = vision.tower.config.imageSize;
  const side = patchesPerSide(vision.tower.config);
  using own = trainable(model, ["mm_vision_tower"]);
  using generator = new Generator(options.seed);
  using names = PatchHead.forNames(vision.tower.config.hiddenSize, generator);
  const artwork = loadArtwork();
  const plainScene = (index: number) => drawScene(index, { ...options, size }, () => artwork);
  const variedScene = (index: number) =>
    drawScene(index, { ...options, size }, (random) => variedArtwork(artwork, trainingStyles, random));
  const each = (update: number, scene: (index: number) => Promise<DrawnScene>) =>
    Promise.all(Array.from({ length: batch }, (_, i) => scene(update * batch + i)));

  const { onUpdate: _, ...silent } = options;
  const naming = { ...silent, ...NAMING, updates: Math.ceil(NAMING.updates * options.updates) };
  await updateWeights(names.parameters, naming, (update) => each(update, plainScene), learnNames);
  await updateWeights(
    own.parameters,
    options,
    (update) => Promise.all([each(update, plainScene), each(update, variedScene)]),
    learnToSee,
  );

  function learnNames(scenes: readonly DrawnScene[]): { loss: Tensor; figures: unknown } {
    const features = patchFeatures(teacher.tower, pixelsOf(scenes, size));
    return { loss: nameLoss(names.logits(normalRows(features)), classesOf(scenes, side)), figures: {} };
  }

  function learnToSee([plain, varied]: readonly [readonly DrawnScene[], readonly DrawnScene[]]): {
    loss: Tensor;
    figures: SeenAlike;
  } {
    const pixels = pixelsOf(plain, size);
    // What the language model is given: [B, P, D]
    const goal = project(teacher.projector, patchFeatures(teacher.tower, pixels));
    const features = patchFeatures(vision.tower, cat([pixels, pixelsOf(varied, size)], 0)); // [2 * B, P, C]
    const seen = project(vision.projector, features);
    const variance = goal.sub(goal.mean(1, true)).square().mean().item();
    const classes = classesOf(plain, side);
    const counts = Float32Array.from(classes, (label) => (label === 0n ? 1 : OBJECT_WEIGHT) / variance);
    const weights = fromBuffer(counts, [batch, side * side]);
    const error = (from: number) => seen.narrow(0, from, batch).sub(goal).square().mean(2).mul(weights).mean();
    const [own, other] = [error(0), error(batch)];
    const named = nameLoss(names.logits(normalRows(features)), BigInt64Array.from([...classes, ...classes]));
    return {
      loss: own.mul(PLAIN_WEIGHT).add(other).add(named.mul(NAMING_WEIGHT)),
      figures: { plain: own.item(), varied: other.item() },
    };
  }
}
