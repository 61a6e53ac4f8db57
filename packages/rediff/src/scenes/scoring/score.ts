/** How good captions are, measured against the truth.
 *
 *  Figures, all sums over pictures divided by sums over pictures:
 *  - coverage: objects (groups) of the picture that the caption names
 *  - precision: objects that the caption names and that are there; naming one twice counts once
 *  - position, count: of the objects named rightly, those whose place and number are right
 *  - size: of the sizes stated for them, those that are right
 *  - color: of the names stated whose noun is there and comes in several colours, those of the right colour
 *  - background: captions that state its colour, rightly and nothing else
 *  - relation: of the relations stated, those that are true
 *  - grammar: captions that are grammatical from the first word to the last
 *  - exact: grammatical captions that say everything once, one relation at most, and nothing wrong
 *  - edits: words to replace until the caption is true, complete and grammatical (oracle.ts), where it can be reached
 *    with equally many words; fewer is better */

import { nearestCaption } from "../expert/oracle.js";
import type { Statement } from "../language/phrases.js";
import { readCaption } from "../language/tolerant-reader.js";
import { splitWords } from "../language/words.js";
import { type Facts, type Group, relationsOf } from "../world/facts.js";
import { findName } from "../world/object-names.js";
import { rng } from "../world/purpose-random.js";

export type Figure =
  | "coverage"
  | "precision"
  | "position"
  | "count"
  | "size"
  | "color"
  | "background"
  | "relation"
  | "grammar"
  | "exact"
  | "edits";

export const figures: readonly Figure[] = [
  "coverage",
  "precision",
  "position",
  "count",
  "size",
  "color",
  "background",
  "relation",
  "grammar",
  "exact",
  "edits",
];

/** What one caption adds to the sums. */
export interface Tally {
  objects: number;
  mentions: number;
  named: number;
  positions: number;
  counts: number;
  sizesStated: number;
  sizes: number;
  colorsStated: number;
  colors: number;
  background: number;
  relationsStated: number;
  relations: number;
  grammatical: number;
  exact: number;
  /** 1 where a true caption of that length exists. */
  reachable: number;
  edits: number;
}

const ratios: Readonly<Record<Figure, readonly [keyof Tally, keyof Tally | "pictures"]>> = {
  coverage: ["named", "objects"],
  precision: ["named", "mentions"],
  position: ["positions", "named"],
  count: ["counts", "named"],
  size: ["sizes", "sizesStated"],
  color: ["colors", "colorsStated"],
  background: ["background", "pictures"],
  relation: ["relations", "relationsStated"],
  grammar: ["grammatical", "pictures"],
  exact: ["exact", "pictures"],
  edits: ["edits", "reachable"],
};

export type Mention = Extract<Statement, { about: "object" }>;

export function scoreCaption(text: string, facts: Facts): Tally {
  const words = splitWords(text);
  const { grammatical, statements } = readCaption(words);
  const mentions = statements.filter((statement) => statement.about === "object");
  const backgrounds = statements.filter((statement) => statement.about === "background");
  const named = facts.objects.flatMap((group) => {
    const mention = bestMention(group, mentions);
    return mention === undefined ? [] : [{ group, mention }];
  });
  const right = (test: (pair: { group: Group; mention: Mention }) => boolean) => named.filter(test).length;
  const positions = right(({ group, mention }) => mention.position === group.position);
  const counts = right(({ group, mention }) => mention.count === group.count);
  const sizesStated = right(({ group, mention }) => mention.size !== undefined && group.size !== undefined);
  const sizes = right(({ group, mention }) => mention.size !== undefined && mention.size === group.size);
  const sizeClaims = right(({ mention }) => mention.size !== undefined);
  const { stated: colorsStated, rightly: colors } = countColors(facts.objects, mentions);
  const background = backgrounds.length > 0 && backgrounds.every(({ color }) => color === facts.background);
  const related = statements.filter((statement) => statement.about === "relation");
  const relations = related.filter((statement) => isTrueRelation(statement, facts)).length;
  const objects = facts.objects.length;
  const exact =
    grammatical &&
    [named.length, mentions.length, positions, counts].every((value) => value === objects) &&
    sizeClaims === sizes &&
    background &&
    backgrounds.length === 1 &&
    related.length <= 1 &&
    relations === related.length;
  const nearest = exact ? { distance: 0 } : nearestCaption(words, facts);
  return {
    objects,
    mentions: mentions.length,
    named: named.length,
    positions,
    counts,
    sizesStated,
    sizes,
    colorsStated,
    colors,
    background: Number(background),
    relationsStated: related.length,
    relations,
    grammatical: Number(grammatical),
    exact: Number(exact),
    reachable: Number(nearest !== undefined),
    edits: nearest?.distance ?? 0,
  };
}

/** Both groups are there, as many as is said, and one is seen from the other as is said. */
export function isTrueRelation(said: Extract<Statement, { about: "relation" }>, { objects }: Facts): boolean {
  const one = objects.find(({ name }) => name === said.name);
  const other = objects.find(({ name }) => name === said.other);
  if (one === undefined || other === undefined) return false;
  if (one.count > 1 !== said.plural || other.count > 1 !== said.otherPlural) return false;
  return relationsOf(one.position, other.position).includes(said.relation);
}

/** Of several mentions of a name the one that agrees most; the others count against precision. */
export function bestMention(group: Group, mentions: readonly Mention[]): Mention | undefined {
  const agreement = ({ position, count, size }: Mention) =>
    4 * Number(position === group.position) + 2 * Number(count === group.count) + Number(size === group.size);
  const own = mentions.filter(({ name }) => name === group.name);
  return own.reduce<Mention | undefined>(
    (best, mention) => (best === undefined || agreement(mention) > agreement(best) ? mention : best),
    undefined,
  );
}

function countColors(groups: readonly Group[], mentions: readonly Mention[]): { stated: number; rightly: number } {
  const names = new Set(groups.map(({ name }) => name));
  const nouns = new Set(groups.map(({ name }) => findName(name)?.noun));
  const stated = mentions
    .map(({ name }) => findName(name))
    .filter((object) => object?.color !== undefined && nouns.has(object.noun));
  return { stated: stated.length, rightly: stated.filter((object) => names.has(object?.name ?? "")).length };
}

export type Interval = readonly [low: number, high: number];

export interface Scores {
  pictures: number;
  /** Null where nothing could be measured, for example size where none was stated. */
  values: Record<Figure, number | null>;
  /** 95 %, from resampled pictures. */
  intervals: Record<Figure, Interval | null>;
  /** Share of the captions that a true one of the same length exists for. */
  reachable: number;
}

export interface BootstrapOptions {
  seed?: number;
  samples?: number;
}

export function scoreAll(tallies: readonly Tally[], options: BootstrapOptions = {}): Scores {
  const values = evaluate(tallies);
  const resampled = resamples(tallies.length, options).map((indices) =>
    evaluate(indices.map((i) => tallies[i] as Tally)),
  );
  const intervals = mapFigures((figure) => interval(resampled.map((sample) => sample[figure])));
  const reachable = tallies.reduce((sum, tally) => sum + tally.reachable, 0) / Math.max(1, tallies.length);
  return { pictures: tallies.length, values, intervals, reachable };
}

/** Differences, ours less theirs, of captions of the same pictures in the same order: both are resampled together, so
 *  that what is hard in a picture cancels out. */
export function compareAll(
  ours: readonly Tally[],
  theirs: readonly Tally[],
  options: BootstrapOptions = {},
): { values: Record<Figure, number | null>; intervals: Record<Figure, Interval | null> } {
  if (ours.length !== theirs.length) throw new Error("compareAll: not the same pictures");
  const difference = (indices: readonly number[]) => {
    const one = evaluate(indices.map((i) => ours[i] as Tally));
    const other = evaluate(indices.map((i) => theirs[i] as Tally));
    return mapFigures((figure) => {
      const [a, b] = [one[figure], other[figure]];
      return a === null || b === null ? null : a - b;
    });
  };
  const resampled = resamples(ours.length, options).map(difference);
  return {
    values: difference([...ours.keys()]),
    intervals: mapFigures((figure) => interval(resampled.map((sample) => sample[figure]))),
  };
}

/** The figures of some pictures, without intervals: the statistic to resample for questions of one's own. */
export function evaluate(tallies: readonly Tally[]): Record<Figure, number | null> {
  const sum = (key: keyof Tally | "pictures") =>
    key === "pictures" ? tallies.length : tallies.reduce((total, tally) => total + tally[key], 0);
  return mapFigures((figure) => {
    const [part, whole] = ratios[figure];
    const of = sum(whole);
    return of === 0 ? null : sum(part) / of;
  });
}

/** Indices of pictures drawn with replacement, `samples` times. */
export function resamples(count: number, { seed = 0, samples = 1000 }: BootstrapOptions = {}): number[][] {
  const random = rng("bootstrap", seed);
  return Array.from({ length: samples }, () => Array.from({ length: count }, () => random.below(count)));
}

/** The middle 95 %. Null when it could not be measured in every sample. */
export function interval(values: readonly (number | null)[]): Interval | null {
  const known = values.filter((value) => value !== null).sort((a, b) => a - b);
  const at = (share: number) => known[Math.min(known.length - 1, Math.floor(share * known.length))];
  const [low, high] = [at(0.025), at(0.975)];
  return known.length < values.length || low === undefined || high === undefined ? null : [low, high];
}

function mapFigures<T>(value: (figure: Figure) => T): Record<Figure, T> {
  return Object.fromEntries(figures.map((figure) => [figure, value(figure)])) as Record<Figure, T>;
}
