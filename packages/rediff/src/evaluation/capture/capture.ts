/** CAPTURE: how far the scene graph of a caption agrees with that of a caption by somebody who is trusted.
 *
 *  Merging, matching and score are here, and exact. What turns sentences into graphs and tells how alike phrases are, are
 *  networks of their own: they are given. */
import type { WordNet } from "../wordnet/wordnet.js";
import { type MatchOptions, matchLists, type Scores, type Similarity, synonymScore } from "./matching.js";
import type { Relation, SceneGraph } from "./scene-graph.js";

const WEIGHTS = { objects: 5, attributes: 5, relations: 2 } as const;

export interface CaptureScores {
  /** 0 to 1. */
  capture: number;
  objects: Scores;
  attributes: Scores;
  relations: Scores;
}

export interface CompareOptions {
  wordNet: Pick<WordNet, "lemmaNames">;
  /** Absent: only equal phrases and synonyms match. */
  similarity?: Similarity | undefined;
}

export async function compareGraphs(
  candidate: SceneGraph,
  reference: SceneGraph,
  { wordNet, similarity }: CompareOptions,
): Promise<CaptureScores> {
  const areSynonyms = (a: string, b: string) => synonymScore(a, b, (word) => wordNet.lemmaNames(word)) > 0;
  const phrases: MatchOptions<string> = { isEqual: (a, b) => a === b, areSynonyms, textOf: (text) => text, similarity };
  const triples: MatchOptions<Relation> = {
    isEqual: (a, b) => a.every((part, i) => part === b[i]),
    areSynonyms: (a, b) => a.every((part, i) => areSynonyms(part, b[i] ?? "")),
    textOf: (relation) => relation.join(" "),
    similarity,
  };
  // Attributes of all objects in one list: whose they are does not count.
  const flat = ({ attributes }: SceneGraph) => [...attributes.values()].flat();
  const scores = {
    objects: await matchLists(candidate.objects, reference.objects, phrases),
    attributes: await matchLists(flat(candidate), flat(reference), phrases),
    relations: await matchLists(candidate.relations, reference.relations, triples),
  };
  return { capture: weighed(scores), ...scores };
}

function weighed({ objects, attributes, relations }: Omit<CaptureScores, "capture">): number {
  const { objects: o, attributes: a, relations: r } = WEIGHTS;
  return (o * objects.f1 + a * attributes.f1 + r * relations.f1) / (o + a + r);
}
