/** Training the small model's vision tower before it meets a language model, as SigLIP is trained before LLaDA-V.
 *
 *  What LLaDA-V starts from has seen billions of pictures. The small one learns in minutes what it needs: for every patch
 *  the object that covers its middle, and the row and column of the patch. The second part matters as much: a tower that
 *  learns what alone forgets where, and no language model on top of it can bind a name to a place.
 *
 *  B pictures, P patches of each, C width of the tower. */
import { crossEntropyLoss, fromBuffer, Generator, type Tensor } from "@rediff/torch";
import type { Model } from "../../models/llava/llava.js";
import { patchesPerSide, patchFeatures } from "../../models/siglip/siglip.js";
import { trainable } from "../../training/backward/parameters.js";
import { loadArtwork } from "../picture/artwork.js";
import { classesOf, type DrawnScene, drawScene, pixelsOf, shareNamed } from "./drawn-scenes.js";
import { nameLoss, normalRows, PatchHead } from "./patch-head.js";
import { type TowerOptions, towerOf, updateWeights } from "./tower-updates.js";

export interface NamedPatches {
  /** Of the patches with an object, the share of those named rightly. */
  accuracy: number;
}

/** Trains the tower's weights in place.
 *  @throws UserError for a model without a tower; the signal's reason */
export async function trainTower(model: Model, options: TowerOptions<NamedPatches>): Promise<void> {
  const { tower } = towerOf(model);
  const { batch, seed } = options;
  const { imageSize: size, hiddenSize: width } = tower.config;
  const side = patchesPerSide(tower.config);
  const patches = side * side;
  using own = trainable(model, ["mm_vision_tower"]);
  using generator = new Generator(seed);
  using names = PatchHead.forNames(width, generator);
  using rowHead = new PatchHead(side, width, generator);
  using columnHead = new PatchHead(side, width, generator);
  const heads = [names, rowHead, columnHead];
  const place = (of: (patch: number) => number) =>
    BigInt64Array.from({ length: batch * patches }, (_, i) => BigInt(of(i % patches)));
  const rows = place((patch) => Math.floor(patch / side));
  const columns = place((patch) => patch % side);
  const artwork = loadArtwork();
  const draw = (update: number) =>
    Promise.all(
      Array.from({ length: batch }, (_, i) => drawScene(update * batch + i, { ...options, size }, () => artwork)),
    );
  await updateWeights([...own.parameters, ...heads.flatMap(({ parameters }) => parameters)], options, draw, learn);

  function learn(scenes: readonly DrawnScene[]): { loss: Tensor; figures: NamedPatches } {
    const classes = classesOf(scenes, side);
    const features = normalRows(patchFeatures(tower, pixelsOf(scenes, size)));
    const named = names.logits(features);
    const loss = nameLoss(named, classes)
      .add(crossEntropyLoss(rowHead.logits(features), fromBuffer(rows, [rows.length])))
      .add(crossEntropyLoss(columnHead.logits(features), fromBuffer(columns, [columns.length])));
    return { loss, figures: { accuracy: shareNamed(named.argmax(1).toNumbers(), classes) } };
  }
}
