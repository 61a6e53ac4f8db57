/** A caption is facts and wording: the plan says which clause tells what, and in which words; other facts in the same
 *  plan give the same caption with an error planted in it. */
import { allPositions, type Facts, type Group, type Relation, relationsOf } from "../world/facts.js";
import { article, findName } from "../world/object-names.js";
import type { Rng } from "../world/purpose-random.js";
import type { World } from "../world/world.js";
import {
  definitePhrase,
  type Form,
  findForm,
  forms,
  joint,
  mayFollow,
  nounPhrase,
  placePhrase,
  relationPhrases,
  verb,
} from "./grammar.js";
import { capital, joinWords } from "./words.js";

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
  /** How the group is seen from another one; `words` counts the ways to say it. */
  seen?: Seen;
}

interface Seen {
  other: number;
  relation: Relation;
  wording: number;
}

/** Sentences of one or two clauses. */
export type Plan = readonly (readonly Clause[])[];

/** Shares of the ways to say it in free wording. */
const shares = { and: 0.4, one: 0.2, size: 0.5, in: 0.4, corner: 0.4, relation: 0.4 };

/** Words of a caption, at most: its tokens and the end of the text fit into 64. Longer ones are drawn anew. */
export const MOST_WORDS = 63;

/** Every group once, as one reads the picture, then the background, then perhaps how the first is seen from the last. The
 *  order is fixed because positions are written in parallel: where any object may come anywhere, the likeliest one comes
 *  twice. */
export function planCaption(facts: Facts, wording: World["wording"], random: Rng): Plan {
  for (;;) {
    const plan = draftPlan(facts, wording, random);
    if (realize(plan, facts).length <= MOST_WORDS) return plan;
  }
}

function draftPlan(facts: Facts, wording: World["wording"], random: Rng): Plan {
  const free = wording === "free";
  const place = (group: number) => allPositions.indexOf(needGroup(facts.objects[group]).position);
  const topics = [...[...facts.objects.keys()].sort((a, b) => place(a) - place(b)), undefined];
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
  const [group, other] = [topics[0], topics.at(-2)];
  if (free && group !== undefined && other !== undefined && group !== other && random.chance(shares.relation)) {
    const [relation] = relationsOf(needGroup(facts.objects[group]).position, needGroup(facts.objects[other]).position);
    if (relation === undefined) throw new Error("two groups are in one cell");
    const clause = planClause(findForm("relation"), group, free, random);
    sentences.push([{ ...clause, seen: { other, relation, wording: random.below(relationPhrases(relation).length) } }]);
  }
  return sentences;
}

/** Every two groups, both ways, with all that holds of them. */
export function relatedPairs({ objects }: Facts): { group: number; other: number; relation: Relation }[] {
  return objects.flatMap(({ position }, group) =>
    objects.flatMap((from, other) => {
      return relationsOf(position, from.position).map((relation) => ({ group, other, relation }));
    }),
  );
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
  return plan.flatMap((sentence) => {
    const [first = "", ...rest] = sentence.flatMap((clause, i) => [
      ...(i === 0 ? [] : joint(findForm(clause.form))),
      ...realizeClause(clause, facts),
    ]);
    return [capital(first), ...rest, "."];
  });
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
      case "THE":
        return definitePhrase(spokenOf(needGroup(group)));
      case "OTHER":
        return definitePhrase(spokenOf(needGroup(facts.objects[needSeen(clause).other])));
      case "REL": {
        const { relation, wording } = needSeen(clause);
        return relationPhrases(relation)[wording] ?? [];
      }
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

function groupPhrase(group: Group, { withSize, determiner }: Clause): string[] {
  return nounPhrase({ ...spokenOf(group), size: withSize ? group.size : undefined }, determiner);
}

function spokenOf({ name, count }: Group) {
  const object = findName(name);
  if (object === undefined) throw new Error(`"${name}" is no name of the scene world`);
  return { object, count };
}

function needSeen({ seen }: Clause): Seen {
  if (seen === undefined) throw new Error("a clause about a relation without it");
  return seen;
}

function needGroup(group: Group | undefined): Group {
  if (group === undefined) throw new Error("a clause about an object without its group");
  return group;
}
