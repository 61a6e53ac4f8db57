/** What CAPTURE compares: the objects of a caption, their attributes, and relations, from the graphs of its sentences. */
import type { WordNet } from "../wordnet/wordnet.js";

/** Of one sentence, as the FACTUAL parser gives it; subjects and objects are places in `entities`. */
export interface SentenceGraph {
  entities: readonly { head: string; attributes: readonly string[] }[];
  relations: readonly { subject: number; relation: string; object: number }[];
}

export type Relation = readonly [subject: string, relation: string, object: string];

/** Of a caption. All lists are sorted: the original takes them from sets, whose order, and with it greedy matching, is another
 *  in each run. */
export interface SceneGraph {
  objects: readonly string[];
  /** By object; those without are left out. */
  attributes: ReadonlyMap<string, readonly string[]>;
  relations: readonly Relation[];
}

/** Heads and the ends of relations as singular nouns, attributes as positive adjectives; attributes with " of" in them go. */
export function mergeGraphs(graphs: readonly SentenceGraph[], wordNet: Pick<WordNet, "lemmatize">): SceneGraph {
  const objects = new Set<string>();
  const attributes = new Map<string, Set<string>>();
  const relations = new Map<string, Relation>();
  for (const { entities, relations: own } of graphs) {
    const heads = entities.map(({ head }) => wordNet.lemmatize(head, "noun"));
    for (const [i, head] of heads.entries()) {
      objects.add(head);
      for (const attribute of entities[i]?.attributes ?? []) {
        if (attribute.includes(" of")) continue;
        const those = attributes.get(head) ?? new Set();
        attributes.set(head, those.add(wordNet.lemmatize(attribute, "adj")));
      }
    }
    for (const { subject, relation, object } of own) {
      const [from, to] = [heads[subject], heads[object]];
      if (from !== undefined && to !== undefined)
        relations.set(JSON.stringify([from, relation, to]), [from, relation, to]);
    }
  }
  return {
    objects: [...objects].sort(),
    attributes: new Map(
      [...objects].sort().flatMap((object) => {
        const those = attributes.get(object);
        return those === undefined ? [] : [[object, [...those].sort()]];
      }),
    ),
    relations: [...relations.values()].sort(byParts),
  };
}

function byParts(a: Relation, b: Relation): number {
  for (const [i, part] of a.entries()) {
    const other = b[i] ?? "";
    if (part !== other) return part < other ? -1 : 1;
  }
  return 0;
}

/** Leaves what the text speaks of as things: an object stays when each of its words is among the text's nouns and it is not on
 *  the list of words that are no things ("picture", "left"); attributes and relations stay with nouns, listed or not. */
export function keepNouns(graph: SceneGraph, nouns: ReadonlySet<string>, stopWords: ReadonlySet<string>): SceneGraph {
  const isNoun = (phrase: string) => phrase.split(" ").every((word) => nouns.has(word));
  return {
    objects: graph.objects.filter((object) => !stopWords.has(object) && isNoun(object)),
    attributes: new Map([...graph.attributes].filter(([object]) => isNoun(object))),
    relations: graph.relations.filter(([subject, , object]) => isNoun(subject) && isNoun(object)),
  };
}
