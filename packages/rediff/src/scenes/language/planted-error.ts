/** Captions with exactly one error planted in them, for training to revise (as ViCrit's) and for measuring it.
 *
 *  The wording stays, a fact changes, and with it what has to agree: "a dog is" becomes "two dogs are". Both captions
 *  are grammatical and have equally many words. */

import { type RevisePair, revisePairs } from "../expert/word-edits.js";
import { type Facts, type Group, positionsOf, sizes } from "../world/facts.js";
import { type ObjectName, objectNames } from "../world/object-names.js";
import type { Rng } from "../world/purpose-random.js";
import { backgroundColors, type World } from "../world/world.js";
import { planCaption, realize } from "./caption-plan.js";
import { joinWords } from "./words.js";

export const errorKinds = ["object", "position", "number", "size", "background"] as const;
export type ErrorKind = (typeof errorKinds)[number];
/** What `rediff refine` is measured on. */
export const usualErrors: readonly ErrorKind[] = ["object", "position", "number"];

export interface PlantedError {
  kind: ErrorKind;
  /** The true caption. */
  right: string;
  /** The same with the error. */
  draft: string;
  /** org is wrong, target is right. */
  revise: RevisePair[];
}

const patience = 200;

/** Undefined when the facts allow no such error, for example of a size where there is none.
 *  @param prompt words of the question, which no `org` may occur in */
export function plantError(
  facts: Facts,
  kind: ErrorKind,
  world: World,
  random: Rng,
  prompt: readonly string[] = [],
): PlantedError | undefined {
  for (let attempt = 0; attempt < patience; attempt++) {
    const plan = planCaption(facts, world.wording, random);
    const changed = changeFact(facts, kind, world, random);
    if (changed === undefined) return undefined;
    const [right, draft] = [realize(plan, facts), realize(plan, changed)];
    if (right.length !== draft.length || joinWords(right) === joinWords(draft)) continue;
    return { kind, right: joinWords(right), draft: joinWords(draft), revise: revisePairs(draft, right, prompt) };
  }
  return undefined;
}

function changeFact(facts: Facts, kind: ErrorKind, world: World, random: Rng): Facts | undefined {
  if (kind === "background") {
    const others = backgroundColors.slice(0, world.colors).filter((color) => color !== facts.background);
    return others.length === 0 ? undefined : { ...facts, background: random.pick(others) };
  }
  const order = random.shuffle([...facts.objects.keys()]);
  for (const index of order) {
    const group = facts.objects[index];
    const changed = group && changeGroup(group, facts, kind, world, random);
    if (changed !== undefined) return { ...facts, objects: facts.objects.with(index, changed) };
  }
  return undefined;
}

function changeGroup(
  group: Group,
  facts: Facts,
  kind: Exclude<ErrorKind, "background">,
  world: World,
  random: Rng,
): Group | undefined {
  switch (kind) {
    case "object": {
      const others = otherNames(group, facts, world);
      const alike = others.filter(({ name }) => shareWord(name, group.name));
      // Half of the time the hardest choice, where there is one.
      const pool = alike.length > 0 && random.chance(0.5) ? alike : others;
      return pool.length === 0 ? undefined : { ...group, name: random.pick(pool).name };
    }
    case "position": {
      const others = positionsOf(world.grid).filter((position) => position !== group.position);
      return { ...group, position: random.pick(others) };
    }
    case "number": {
      const others = [1, 2, 3].slice(0, world.maxCount).filter((count) => count !== group.count);
      return others.length === 0 ? undefined : { ...group, count: random.pick(others), size: undefined };
    }
    case "size":
      return group.size === undefined ? undefined : { ...group, size: sizes.find((size) => size !== group.size) };
  }
}

/** Absent from the picture, and of equally many words. */
function otherNames(group: Group, facts: Facts, world: World): ObjectName[] {
  const present = new Set(facts.objects.map(({ name }) => name));
  const length = (name: string) => name.split(" ").length;
  return objectNames
    .slice(0, world.names)
    .filter(({ name }) => !present.has(name) && length(name) === length(group.name));
}

function shareWord(one: string, other: string): boolean {
  const words = new Set(one.split(" "));
  return other.split(" ").some((word) => words.has(word));
}
