/** Training the small model's vision tower before it meets a language model, as SigLIP is trained before LLaDA-V.
 *
 *  What LLaDA-V starts from has seen billions of pictures. The small one learns in minutes what it needs: for every patch
 *  the object that covers its middle, and the row and column of the patch. The second part matters as much: a tower that
 *  learns what alone forgets where, and no language model on top of it can bind a name to a place.
 *
 *  B pictures, P patches of each, C width of the tower, K classes. */
import {
  crossEntropyLoss,
  detachFromScope,
  fromBuffer,
  Generator,
  grad,
  layerNorm,
  linear,
  optim,
  randn,
  scope,
  type Tensor,
  zeros,
} from "@rediff/torch";
import { UserError } from "../../errors.js";
import type { Model } from "../../models/llava/llava.js";
import { patchesPerSide, patchFeatures } from "../../models/siglip/siglip.js";
import { type Parameter, trainable } from "../../training/backward/parameters.js";
import { parameterGroups } from "../../training/optimizer/parameter-groups.js";
import { normalizedLevels } from "../../vision/tiles/tiles.js";
import { type Artwork, loadArtwork } from "../picture/artwork.js";
import { renderScene } from "../picture/render.js";
import { groupsOnPatches } from "../world/cells.js";
import { objectNames } from "../world/object-names.js";
import { rng } from "../world/purpose-random.js";
import { sampleFacts } from "../world/random-facts.js";
import { trainingStyles, type World } from "../world/world.js";

export interface TowerOptions {
  world: World;
  updates: number;
  /** Pictures of an update. */
  batch: number;
  learningRate: number;
  seed: number;
  onUpdate?: (report: TowerReport) => void;
  signal?: AbortSignal;
}

export interface TowerReport {
  update: number;
  loss: number;
  /** Of the patches with an object, those named rightly. */
  accuracy: number;
}

/** Patches without an object are three of four, and easy. */
const NOTHING_WEIGHT = 0.3;

/** What a batch shows. */
interface Batch {
  /** Normalised, [B, 3, S, S]. */
  pixels: Float32Array;
  /** Of each patch [B * P]: 0 for none, else 1 + the place among `objectNames`. */
  classes: BigInt64Array;
}

/** Trains the tower's weights in place. Scenes are drawn as they are needed, those of the training split only.
 *  @throws UserError for a model without a tower; the signal's reason */
export async function trainTower(model: Model, options: TowerOptions): Promise<void> {
  const tower = model.vision?.tower;
  if (tower === undefined) throw new UserError(`${model.folder} has no vision tower`, "Give a LLaDA-V.");
  const { updates, batch, learningRate, seed, onUpdate, signal } = options;
  const side = patchesPerSide(tower.config);
  const patches = side * side;
  const width = tower.config.hiddenSize;
  using own = trainable(model, ["mm_vision_tower"]);
  using generator = new Generator(seed);
  const heads = { classes: head(objectNames.length + 1), rows: head(side), columns: head(side) };
  const parameters = [...own.parameters, ...Object.values(heads).flatMap(({ weight, bias }) => [weight, bias])];
  using optimizer = new optim.AdamW(
    parameterGroups(parameters, { learningRates: sameRate(learningRate), weightDecay: 0.05 }),
    {
      betas: [0.9, 0.98],
    },
  );
  const classWeights = Float32Array.from({ length: objectNames.length + 1 }, (_, i) => (i === 0 ? NOTHING_WEIGHT : 1));
  const place = (of: (patch: number) => number) =>
    BigInt64Array.from({ length: batch * patches }, (_, i) => BigInt(of(i % patches)));
  const rows = place((patch) => Math.floor(patch / side));
  const columns = place((patch) => patch % side);
  const artwork = loadArtwork();
  try {
    for (const { weight } of parameters) weight.setRequiresGrad(true);
    let next = drawBatch(0, side, tower.config.imageSize, options, artwork);
    for (let update = 0; update < updates; update++) {
      signal?.throwIfAborted();
      const drawn = await next;
      next = drawBatch(update + 1, side, tower.config.imageSize, options, artwork);
      const report = scope(() => learn(drawn));
      const factor = optim.learningRateFactor(update, {
        schedule: "cosine",
        totalSteps: updates,
        warmupSteps: optim.warmupSteps(0.05, updates),
      });
      optim.clipGradients(parameters, 1);
      optimizer.step(factor);
      optim.dropGradients(parameters);
      onUpdate?.({ update: update + 1, ...report });
    }
    await next;
  } finally {
    for (const { weight } of parameters) weight.setRequiresGrad(false);
    for (const { weight, bias } of Object.values(heads)) for (const part of [weight, bias]) part.weight.dispose();
  }

  /** Gradients of one batch, left in the parameters. */
  function learn({ pixels, classes }: Batch): { loss: number; accuracy: number } {
    if (tower === undefined) throw new Error("no tower");
    const { imageSize } = tower.config;
    const input = fromBuffer(pixels, [batch, 3, imageSize, imageSize]);
    // Normalised, so that larger features are not better ones.
    const features = layerNorm(patchFeatures(tower, input), [width]).reshape([batch * patches, width]);
    const logits = (of: Head) => linear(features, of.weight.weight, of.bias.weight);
    const named = logits(heads.classes);
    const wanted = fromBuffer(classes, [batch * patches]);
    const loss = crossEntropyLoss(named, wanted, fromBuffer(classWeights, [classWeights.length]))
      .add(crossEntropyLoss(logits(heads.rows), fromBuffer(rows, [rows.length])))
      .add(crossEntropyLoss(logits(heads.columns), fromBuffer(columns, [columns.length])));
    const gradients = grad(
      loss,
      parameters.map(({ weight }) => weight),
    );
    for (const [i, parameter] of parameters.entries()) parameter.gradient = detachFromScope(gradients[i] as Tensor);
    const guesses = named.argmax(1).toNumbers();
    let [objects, right] = [0, 0];
    for (const [i, label] of classes.entries()) {
      if (label === 0n) continue;
      objects++;
      if (guesses[i] === Number(label)) right++;
    }
    return { loss: loss.item(), accuracy: objects === 0 ? 0 : right / objects };
  }

  function head(outputs: number): Head {
    const parameter = (name: string, weight: Tensor): Parameter => ({
      name,
      weight,
      part: "vision",
      decays: name === "weight",
      gradient: undefined,
    });
    return {
      weight: parameter(
        `${outputs} weight`,
        scope(() => randn([outputs, width], generator).mul(1 / Math.sqrt(width))),
      ),
      bias: parameter(`${outputs} bias`, zeros([outputs])),
    };
  }
}

interface Head {
  weight: Parameter; // [K, C]
  bias: Parameter; // [K]
}

const sameRate = (rate: number) => ({ language: rate, projector: rate, vision: rate });

async function drawBatch(
  number: number,
  side: number,
  size: number,
  { world, batch, seed }: TowerOptions,
  artwork: Artwork,
): Promise<Batch> {
  const pictures = await Promise.all(
    Array.from({ length: batch }, async (_, i) => {
      const random = rng(seed, "tower", number * batch + i);
      const facts = sampleFacts(world, random, "train");
      const picture = await renderScene(facts, { world, style: random.pick(trainingStyles), size, artwork, random });
      return { picture, names: facts.objects.map(({ name }) => name) };
    }),
  );
  const pixels = new Float32Array(batch * 3 * size * size);
  const classes = new BigInt64Array(batch * side * side);
  const levels = normalizedLevels();
  for (const [b, { picture, names }] of pictures.entries()) {
    const from = b * 3 * size * size;
    for (let pixel = 0; pixel < size * size; pixel++)
      for (let channel = 0; channel < 3; channel++)
        pixels[from + channel * size * size + pixel] = levels[picture.pixels[3 * pixel + channel] as number] as number;
    for (const [patch, group] of groupsOnPatches(picture, side).entries())
      classes[b * side * side + patch] = BigInt(1 + objectNames.findIndex(({ name }) => name === names[group]));
  }
  return { pixels, classes };
}
