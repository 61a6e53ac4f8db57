/** A caption is facts and wording: the plan says which clause tells what, and in which words; other facts in the same
 *  plan give the same caption with an error planted in it. */
import type { Facts, Group } from "../world/facts.js";
import { article, findName } from "../world/object-names.js";
import type { Rng } from "../world/purpose-random.js";
import type { World } from "../world/world.js";
import { type Form, findForm, forms, mayFollow, nounPhrase, placePhrase, verb } from "./grammar.js";
import { joinWords } from "./words.js";

/** How one clause is worded, whatever the facts. */
export interface Clause {
  form: string;
  /** Place among the facts' groups; undefined for the background. */
  group: number | undefined;
  /** Which of the alternatives, for every slot that is a word. */
  words: readonly number[];
  determiner: "a" | "one";
  /** Of single objects that have one. */
  withSize: boolean;
  preposition: "at" | "in";
  /** "in the top left corner", where it is one. */
  corner: boolean;
}

/** Sentences of one or two clauses. */
export type Plan = readonly (readonly Clause[])[];

/** Shares of the ways to say it in free wording. */
const shares = { and: 0.4, one: 0.2, size: 0.5, in: 0.4, corner: 0.4 };

/** Every group and the background once, in random order. */
export function planCaption(facts: Facts, wording: World["wording"], random: Rng): Plan {
  const free = wording === "free";
  const topics = random.shuffle([undefined, ...facts.objects.keys()]);
  const sentences: Clause[][] = [];
  for (const group of topics) {
    const about = group === undefined ? "background" : "object";
    const candidates = forms.filter((form) => form.about === about && (free || form.plain));
    const open = sentences.at(-1);
    const first = open?.length === 1 && open[0] !== undefined ? findForm(open[0].form) : undefined;
    const following = first === undefined ? [] : candidates.filter((form) => mayFollow(first, form));
    if (open !== undefined && following.length > 0 && free && random.chance(shares.and)) {
      open.push(planClause(random.pick(following), group, free, random));
    } else {
      const opening = candidates.filter((form) => form.opens);
      sentences.push([planClause(random.pick(opening), group, free, random)]);
    }
  }
  return sentences;
}

function planClause(form: Form, group: number | undefined, free: boolean, random: Rng): Clause {
  return {
    form: form.name,
    group,
    words: form.slots.filter((slot) => typeof slot !== "string").map((words) => random.below(words.length)),
    determiner: free && random.chance(shares.one) ? "one" : "a",
    withSize: random.chance(shares.size),
    preposition: free && random.chance(shares.in) ? "in" : "at",
    corner: free && random.chance(shares.corner),
  };
}

export function realize(plan: Plan, facts: Facts): string[] {
  return plan.flatMap((sentence) => [
    ...sentence.flatMap((clause, i) => [...(i === 0 ? [] : ["and"]), ...realizeClause(clause, facts)]),
    ".",
  ]);
}

/** The text of a random caption. */
export function writeCaption(facts: Facts, wording: World["wording"], random: Rng): string {
  return joinWords(realize(planCaption(facts, wording, random), facts));
}

function realizeClause(clause: Clause, facts: Facts): string[] {
  const group = clause.group === undefined ? undefined : facts.objects[clause.group];
  let literal = 0;
  return findForm(clause.form).slots.flatMap((slot) => {
    switch (slot) {
      case "COLOR":
        return [facts.background];
      case "A_COLOR":
        return [article(facts.background), facts.background];
      case "BE":
        return [verb(needGroup(group).count)];
      case "NP":
        return groupPhrase(needGroup(group), clause);
      case "PP":
        return placePhrase(needGroup(group).position, clause.preposition, clause.corner);
      default:
        return [slot[clause.words[literal++] ?? 0] ?? ""];
    }
  });
}

function groupPhrase({ name, count, size }: Group, { withSize, determiner }: Clause): string[] {
  const object = findName(name);
  if (object === undefined) throw new Error(`"${name}" is no name of the scene world`);
  return nounPhrase({ object, count, size: withSize ? size : undefined }, determiner);
}

function needGroup(group: Group | undefined): Group {
  if (group === undefined) throw new Error("a clause about an object without its group");
  return group;
}
