/** Scenes for the tower's training: drawn as they are needed, never written. B scenes, S side in pixels, P patches. */
import { fromBuffer, type Tensor } from "@rediff/torch";
import { normalizedLevels } from "../../vision/tiles/tiles.js";
import type { Artwork } from "../picture/artwork.js";
import { type Picture, renderScene } from "../picture/render.js";
import { groupsOnPatches } from "../world/cells.js";
import { objectNames } from "../world/object-names.js";
import { type Rng, rng } from "../world/purpose-random.js";
import { sampleFacts } from "../world/random-facts.js";
import { trainingStyles, type World } from "../world/world.js";

export interface DrawnScene {
  picture: Picture;
  /** Of each group. */
  names: readonly string[];
}

/** Square pictures of one size, normalised: [B, 3, S, S] */
export function pixelsOf(scenes: readonly DrawnScene[], size: number): Tensor {
  const pixels = new Float32Array(scenes.length * 3 * size * size);
  const levels = normalizedLevels();
  for (const [b, { picture }] of scenes.entries()) {
    const from = b * 3 * size * size;
    for (let pixel = 0; pixel < size * size; pixel++)
      for (let channel = 0; channel < 3; channel++)
        pixels[from + channel * size * size + pixel] = levels[picture.pixels[3 * pixel + channel] as number] as number;
  }
  return fromBuffer(pixels, [scenes.length, 3, size, size]);
}

/** Of each patch [B * P]: 0 for none, else 1 + the place among `objectNames`. */
export function classesOf(scenes: readonly DrawnScene[], side: number): BigInt64Array {
  const place = (name: string | undefined) => BigInt(1 + objectNames.findIndex((known) => known.name === name));
  return BigInt64Array.from(
    scenes.flatMap(({ picture, names }) => groupsOnPatches(picture, side).map((group) => place(names[group]))),
  );
}

/** Of the patches with an object, those that were named rightly; 0 where there is none. */
export function shareNamed(guesses: readonly number[], classes: BigInt64Array): number {
  let [objects, right] = [0, 0];
  for (const [i, label] of classes.entries()) {
    if (label === 0n) continue;
    objects++;
    if (guesses[i] === Number(label)) right++;
  }
  return objects === 0 ? 0 : right / objects;
}

/** Scene number `index` of a training.
 *  @param drawn in which artwork, whose own random numbers do not change where anything stands */
export async function drawScene(
  index: number,
  { world, seed, size }: { world: World; seed: number; size: number },
  drawn: (random: Rng) => Artwork,
): Promise<DrawnScene> {
  const random = rng(seed, "tower", index);
  const facts = sampleFacts(world, random, "train");
  const style = random.pick(trainingStyles);
  const artwork = drawn(rng(seed, "tower artwork", index));
  const picture = await renderScene(facts, { world, style, size, artwork, random });
  return { picture, names: facts.objects.map(({ name }) => name) };
}
