/** Questions about a scene and true answers: whole captions, and short ones to begin training with.
 *
 *  The short answers are for learning what binds a name to its place before captions are learnt: "where is the dog?",
 *  "what is at the top left?", a list of all objects. */
import { DEFAULT_QUESTION } from "../request.js";
import { writeCaption } from "./caption.js";
import { type Facts, type Group, numberWords, positionsOf } from "./facts.js";
import { nounPhrase, verb } from "./grammar.js";
import { findName } from "./names.js";
import type { Rng } from "./random.js";
import { joinWords } from "./words.js";
import type { World } from "./world.js";

export const tasks = ["caption", "list", "where", "what", "number", "color"] as const;
export type Task = (typeof tasks)[number];

export interface Exchange {
  question: string;
  answer: string;
}

export function ask(task: Task, facts: Facts, world: Pick<World, "grid" | "wording">, random: Rng): Exchange {
  switch (task) {
    case "caption":
      return { question: DEFAULT_QUESTION, answer: writeCaption(facts, world.wording, random) };
    case "list":
      return { question: "list the objects.", answer: listOf(facts, random) };
    case "where": {
      const group = random.pick(facts.objects);
      const question = `where ${verb(group.count)} the ${nounOf(group)}?`;
      return { question, answer: `at the ${group.position}.` };
    }
    case "what": {
      const position = random.pick(positionsOf(world.grid));
      const group = facts.objects.find((candidate) => candidate.position === position);
      const answer = group === undefined ? "nothing." : `${joinWords(phrase(group))}.`;
      return { question: `what is at the ${position}?`, answer };
    }
    case "number": {
      const { name, count } = random.pick(facts.objects);
      return { question: `how many ${findName(name)?.plural} are there?`, answer: `${numberWords[count - 1]}.` };
    }
    case "color":
      return { question: "what color is the background?", answer: `${facts.background}.` };
  }
}

function listOf(facts: Facts, random: Rng): string {
  const order = random.shuffle(facts.objects);
  return joinWords(order.flatMap((group) => [...phrase(group), ...group.position.split(" "), "."]));
}

function phrase({ name, count }: Group): string[] {
  const object = findName(name);
  return object === undefined ? [] : nounPhrase({ object, count, size: undefined });
}

function nounOf({ name, count }: Group): string {
  const object = findName(name);
  return (count === 1 ? object?.name : object?.plural) ?? name;
}
