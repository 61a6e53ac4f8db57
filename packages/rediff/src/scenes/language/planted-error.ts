/** Captions with one error planted in them, or two, for training to revise (as ViCrit's) and for measuring it.
 *
 *  The wording stays, a fact changes, and with it what has to agree: "a dog is" becomes "two dogs are". Both captions
 *  are grammatical and have equally many words. */

import { type RevisePair, revisePairs } from "../expert/word-edits.js";
import { type Facts, type Group, opposite, positionsOf, sizes } from "../world/facts.js";
import { type ObjectName, objectNames } from "../world/object-names.js";
import type { Rng } from "../world/purpose-random.js";
import { backgroundColors, type World } from "../world/world.js";
import { type Plan, planCaption, realize } from "./caption-plan.js";
import { joinWords } from "./words.js";

export const errorKinds = ["object", "position", "number", "size", "background", "relation"] as const;
export type ErrorKind = (typeof errorKinds)[number];
/** What `rediff refine` is measured on. */
export const usualErrors: readonly ErrorKind[] = ["object", "position", "number"];

export interface PlantedError {
  /** Of several errors with "+" between them. */
  kind: string;
  /** The true caption. */
  right: string;
  /** The same with the error. */
  draft: string;
  /** org is wrong, target is right. */
  revise: RevisePair[];
}

const patience = 200;

/** Undefined when the facts allow no such error, for example of a size where there is none.
 *  @param kind of one error, or of several, each about another fact
 *  @param prompt words of the question, which no `org` may occur in */
export function plantError(
  facts: Facts,
  kind: ErrorKind | readonly ErrorKind[],
  world: World,
  random: Rng,
  prompt: readonly string[] = [],
): PlantedError | undefined {
  const kinds = typeof kind === "string" ? [kind] : kind;
  for (let attempt = 0; attempt < patience; attempt++) {
    const plan = planCaption(facts, world.wording, random);
    const changed = changeAll(facts, plan, kinds, world, random);
    if (changed === undefined) continue;
    const [right, draft] = [realize(plan, facts), realize(changed.plan, changed.facts)];
    if (right.length !== draft.length || joinWords(right) === joinWords(draft)) continue;
    const revise = revisePairs(draft, right, prompt);
    return { kind: kinds.join("+"), right: joinWords(right), draft: joinWords(draft), revise };
  }
  return undefined;
}

/** What a caption says, and how. */
interface Wrong {
  facts: Facts;
  plan: Plan;
}

function changeAll(
  facts: Facts,
  plan: Plan,
  kinds: readonly ErrorKind[],
  world: World,
  random: Rng,
): Wrong | undefined {
  let wrong: Wrong | undefined = { facts, plan };
  for (const kind of kinds) {
    if (wrong === undefined) return undefined;
    if (kind === "relation") {
      const turned = turnRelation(wrong.plan);
      wrong = turned && { facts: wrong.facts, plan: turned };
    } else {
      const changed = changeFact(wrong.facts, kind, world, random);
      wrong = changed && { facts: changed, plan: wrong.plan };
    }
  }
  return wrong;
}

/** Left for right, above for below. */
function turnRelation(plan: Plan): Plan | undefined {
  if (!plan.flat().some(({ seen }) => seen !== undefined)) return undefined;
  return plan.map((sentence) =>
    sentence.map((clause) =>
      clause.seen === undefined
        ? clause
        : { ...clause, seen: { ...clause.seen, relation: opposite(clause.seen.relation) } },
    ),
  );
}

type FactKind = Exclude<ErrorKind, "relation">;

function changeFact(facts: Facts, kind: FactKind, world: World, random: Rng): Facts | undefined {
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
  kind: Exclude<FactKind, "background">,
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
      const others = [1, 2, 3, 4].slice(0, world.maxCount).filter((count) => count !== group.count);
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
