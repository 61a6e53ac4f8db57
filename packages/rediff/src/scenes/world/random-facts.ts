/** Random facts of a world. */
import { type Facts, type Group, positionsOf, sizes } from "./facts.js";
import { type Split, splitOf } from "./held-out-scenes.js";
import { findName, objectNames } from "./object-names.js";
import type { Rng } from "./purpose-random.js";
import { backgroundColors, type World } from "./world.js";

/** Shares of one, two, three and four objects in a group. */
const countShares = [0.55, 0.2, 0.15, 0.1];
const patience = 10_000;

/** The number of groups is drawn once; names and positions are drawn until the scene belongs to the split, so that
 *  the split does not change how full the pictures are. */
export function sampleFacts(world: World, random: Rng, split: Split | "any" = "any"): Facts {
  const groups = 1 + random.below(world.maxObjects);
  for (let attempt = 0; attempt < patience; attempt++) {
    const objects = sampleGroups(world, groups, random);
    if (split === "any" || splitOf(objects, world.grid) === split) {
      return { objects, background: random.pick(backgroundsFor(objects, world)) };
    }
  }
  throw new Error(`no ${split} scene with ${groups} kinds of objects in ${patience} draws`);
}

/** Not the colour of an object: a blue heart on blue is hard to see. */
function backgroundsFor(objects: readonly Group[], world: World): string[] {
  const taken = new Set(objects.map(({ name }) => findName(name)?.color));
  return backgroundColors.slice(0, world.colors).filter((color) => !taken.has(color));
}

function sampleGroups(world: World, groups: number, random: Rng): Group[] {
  const names = random.shuffle(objectNames.slice(0, world.names));
  const positions = random.shuffle(positionsOf(world.grid));
  return Array.from({ length: groups }, (_, i) => {
    const count = sampleCount(world.maxCount, random);
    const group: Group = { name: names[i]?.name ?? "", count, position: positions[i] ?? "top left" };
    return world.sizes && count === 1 ? { ...group, size: random.pick(sizes) } : group;
  });
}

function sampleCount(maxCount: number, random: Rng): number {
  const shares = countShares.slice(0, maxCount);
  let rest = random.next() * shares.reduce((sum, share) => sum + share, 0);
  const index = shares.findIndex((share) => {
    rest -= share;
    return rest < 0;
  });
  return index < 0 ? 1 : index + 1;
}
