/** Questions about a scene and true answers: whole captions, and others to begin training with.
 *
 *  The others are for learning what binds a name to its place before captions are learnt. "map" says what is on every
 *  patch of the picture, "find" on which patches one object is: dozens of facts in one answer. "cells" goes through
 *  all positions, "list" through all objects, "where", "what" and "number" ask for one fact. */
import { DEFAULT_QUESTION } from "../../text/default-question.js";
import { groupsOnPatches, type Layout } from "../world/cells.js";
import { type Facts, type Group, numberWords, positionsOf } from "../world/facts.js";
import { findName } from "../world/object-names.js";
import type { Rng } from "../world/purpose-random.js";
import type { World } from "../world/world.js";
import { writeCaption } from "./caption-plan.js";
import { nounPhrase, verb } from "./grammar.js";
import { joinWords } from "./words.js";

export const tasks = ["caption", "map", "find", "cells", "list", "where", "what", "number", "color"] as const;
export type Task = (typeof tasks)[number];

export interface Exchange {
  question: string;
  answer: string;
}

/** Patches along a side in answers to "map". */
export const MAP_SIDE = 6;

export function ask(
  task: Task,
  facts: Facts,
  world: Pick<World, "grid" | "wording">,
  layout: Layout,
  random: Rng,
): Exchange {
  switch (task) {
    case "caption":
      return { question: DEFAULT_QUESTION, answer: writeCaption(facts, world.wording, random) };
    case "map": {
      const kinds = random.chance(0.5);
      const question = kinds ? "what color of objects are where?" : "what objects are where?";
      return { question, answer: mapOf(facts, layout, kinds ? 0 : -1) };
    }
    case "find": {
      const group = random.pick(facts.objects);
      const question = `show where the ${nounOf(group)} ${verb(group.count)}.`;
      return { question, answer: patchWords(facts, layout, (on) => (on?.name === group.name ? "this" : "no")) };
    }
    case "cells":
      return { question: "what is where?", answer: cellsOf(facts, world.grid, random) };
    case "list":
      return { question: "list the objects.", answer: listOf(facts, random) };
    case "where": {
      const group = random.pick(facts.objects);
      const question = `where ${verb(group.count)} the ${nounOf(group)}?`;
      return { question, answer: `at the ${group.position}.` };
    }
    case "what": {
      const position = random.pick(positionsOf(world.grid));
      return { question: `what is at the ${position}?`, answer: `${joinWords(atPosition(facts, position))}.` };
    }
    case "number": {
      const { name, count } = random.pick(facts.objects);
      return { question: `how many ${findName(name)?.plural} are there?`, answer: `${numberWords[count - 1]}.` };
    }
    case "color":
      return { question: "what color is the background?", answer: `${facts.background}.` };
  }
}

/** The first (0) or last (-1) word of the name of what is on each patch. */
function mapOf(facts: Facts, layout: Layout, which: 0 | -1): string {
  return patchWords(facts, layout, (group) => group?.name.split(" ").at(which) ?? "nothing");
}

/** A word for each patch, row by row, about what covers its middle; of two groups the one in front. */
function patchWords(facts: Facts, layout: Layout, wordOf: (group: Group | undefined) => string): string {
  return joinWords(groupsOnPatches(layout, MAP_SIDE).map((group) => wordOf(facts.objects[group])));
}

function cellsOf(facts: Facts, grid: World["grid"], random: Rng): string {
  const order = random.shuffle(positionsOf(grid));
  return joinWords(order.flatMap((position) => [...position.split(" "), ...atPosition(facts, position), "."]));
}

function listOf(facts: Facts, random: Rng): string {
  const order = random.shuffle(facts.objects);
  return joinWords(order.flatMap((group) => [...phrase(group), ...group.position.split(" "), "."]));
}

function atPosition(facts: Facts, position: string): string[] {
  const group = facts.objects.find((candidate) => candidate.position === position);
  return group === undefined ? ["nothing"] : phrase(group);
}

function phrase({ name, count }: Group): string[] {
  const object = findName(name);
  return object === undefined ? [] : nounPhrase({ object, count, size: undefined });
}

function nounOf({ name, count }: Group): string {
  const object = findName(name);
  return (count === 1 ? object?.name : object?.plural) ?? name;
}
