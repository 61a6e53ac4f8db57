/** Questions about a scene and true answers: whole captions, and others to begin training with.
 *
 *  The others are for learning what binds a name to its place before captions are learnt. "map" says what is on every
 *  patch of the picture, "find" on which patches one object is: dozens of facts in one answer. "cells" goes through
 *  all positions, "list" through all objects. What people ask: "where", "what", "number", "color", and with yes or no
 *  "there" and "relation". */
import { DEFAULT_QUESTION } from "../../text/default-question.js";
import { groupsOnPatches, type Layout } from "../world/cells.js";
import { type Facts, type Group, numberWords, positionsOf, relations, relationsOf } from "../world/facts.js";
import { findName, objectNames } from "../world/object-names.js";
import type { Rng } from "../world/purpose-random.js";
import type { World } from "../world/world.js";
import { relatedPairs, writeCaption } from "./caption-plan.js";
import { nounPhrase, relationPhrases, verb } from "./grammar.js";
import { capital, joinWords } from "./words.js";

export const tasks = [
  "caption",
  "map",
  "find",
  "cells",
  "list",
  "where",
  "what",
  "number",
  "color",
  "there",
  "relation",
] as const;
export type Task = (typeof tasks)[number];

export interface Exchange {
  question: string;
  answer: string;
}

/** Patches along a side in answers to "map": three in each of three cells. */
export const MAP_SIDE = 9;

/** Shares of what is not there, and of relations that do not hold, among yes and no and numbers. */
const absent = { number: 0.2, there: 0.5, relation: 0.5 };

export function ask(
  task: Task,
  facts: Facts,
  world: Pick<World, "grid" | "wording" | "names">,
  layout: Layout,
  random: Rng,
): Exchange {
  switch (task) {
    case "caption":
      return { question: DEFAULT_QUESTION, answer: writeCaption(facts, world.wording, random) };
    case "map": {
      const kinds = random.chance(0.5);
      const question = kinds ? "What color of objects are where?" : "What objects are where?";
      return { question, answer: mapOf(facts, layout, kinds ? 0 : -1) };
    }
    case "find": {
      const group = random.pick(facts.objects);
      const question = `Show where the ${nounOf(group)} ${verb(group.count)}.`;
      return { question, answer: patchWords(facts, layout, (on) => (on?.name === group.name ? "this" : "no")) };
    }
    case "cells":
      return { question: "What is where?", answer: cellsOf(facts, world.grid, random) };
    case "list":
      return { question: "List the objects.", answer: listOf(facts, random) };
    case "where": {
      const group = random.pick(facts.objects);
      const question = `Where ${verb(group.count)} the ${nounOf(group)}?`;
      return { question, answer: `At the ${group.position}.` };
    }
    case "what": {
      // Half of the time a place where something is: of nine most are empty.
      const position = random.pick(
        random.chance(0.5) ? facts.objects.map((group) => group.position) : positions(world),
      );
      const answer = capital(joinWords(atPosition(facts, position)));
      return { question: `What is at the ${position}?`, answer: `${answer}.` };
    }
    case "number": {
      const missing = random.chance(absent.number) ? absentName(facts, world, random) : undefined;
      const { name, count } = missing === undefined ? random.pick(facts.objects) : { name: missing, count: 0 };
      const answer = capital(numberWords[count - 1] ?? "none");
      return { question: `How many ${findName(name)?.plural} are there?`, answer: `${answer}.` };
    }
    case "color":
      return { question: "What color is the background?", answer: `${capital(facts.background)}.` };
    case "there": {
      const missing = random.chance(absent.there) ? absentName(facts, world, random) : undefined;
      const { name } = missing === undefined ? random.pick(facts.objects) : { name: missing };
      // How it is asked must not tell the answer: whether of one or of several is drawn, whatever there is.
      const said = random.chance(0.5)
        ? `Are there any ${findName(name)?.plural}`
        : `Is there ${joinWords(oneOf(name))}`;
      return { question: `${said}?`, answer: missing === undefined ? "Yes." : "No." };
    }
    case "relation":
      return relationQuestion(facts, random) ?? ask("there", facts, world, layout, random);
  }
}

function relationQuestion(facts: Facts, random: Rng): Exchange | undefined {
  const pairs = relatedPairs(facts);
  if (pairs.length === 0) return undefined;
  const { group, other, relation } = random.pick(pairs);
  const isTrue = !random.chance(absent.relation);
  const [one, second] = [facts.objects[group], facts.objects[other]];
  if (one === undefined || second === undefined) return undefined;
  const holding = relationsOf(one.position, second.position);
  const said = isTrue ? relation : random.pick(relations.filter((some) => !holding.includes(some)));
  const words = random.pick(relationPhrases(said));
  const question = `${capital(verb(one.count))} the ${nounOf(one)} ${joinWords(words)} the ${nounOf(second)}?`;
  return { question, answer: isTrue ? "Yes." : "No." };
}

/** Preferably one that shares a word with what is there. */
function absentName({ objects }: Facts, world: Pick<World, "names">, random: Rng): string {
  const there = new Set(objects.map(({ name }) => name));
  const words = new Set(objects.flatMap(({ name }) => name.split(" ")));
  const others = objectNames
    .flatMap(({ name }, i) => (i < world.names ? [name] : []))
    .filter((name) => !there.has(name));
  const alike = others.filter((name) => name.split(" ").some((word) => words.has(word)));
  return random.pick(alike.length > 0 && random.chance(0.5) ? alike : others);
}

const positions = (world: Pick<World, "grid">) => positionsOf(world.grid);

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

function phrase({ name, count }: Pick<Group, "name" | "count">): string[] {
  const object = findName(name);
  return object === undefined ? [] : nounPhrase({ object, count, size: undefined });
}

const oneOf = (name: string): string[] => phrase({ name, count: 1 });

function nounOf({ name, count }: Group): string {
  const object = findName(name);
  return (count === 1 ? object?.name : object?.plural) ?? name;
}
