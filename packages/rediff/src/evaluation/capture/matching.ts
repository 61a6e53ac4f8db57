/** Three stages of matching: equal, synonyms, then how alike the rest are in meaning. */

const EPSILON = 1e-6;

/** Cosines of candidates (rows) and references (columns). */
export type Similarity = (
  candidates: readonly string[],
  references: readonly string[],
) => Promise<readonly (readonly number[])[]>;

export interface Scores {
  precision: number;
  recall: number;
  f1: number;
}

export interface MatchOptions<T> {
  isEqual(candidate: T, reference: T): boolean;
  areSynonyms(candidate: T, reference: T): boolean;
  textOf(item: T): string;
  /** Absent: the rest counts nothing. */
  similarity: Similarity | undefined;
}

/** Greedy, in the order of the lists. What is left over adds its best cosine: a candidate to precision, a reference to recall. */
export async function matchLists<T>(
  candidates: readonly T[],
  references: readonly T[],
  { isEqual, areSynonyms, textOf, similarity }: MatchOptions<T>,
): Promise<Scores> {
  let [restOfCandidates, restOfReferences] = pairUp(candidates, references, isEqual);
  [restOfCandidates, restOfReferences] = pairUp(restOfCandidates, restOfReferences, areSynonyms);
  const matched = candidates.length - restOfCandidates.length;
  let [forPrecision, forRecall] = [matched, matched];
  if (similarity !== undefined && restOfCandidates.length > 0 && restOfReferences.length > 0) {
    const cosines = await similarity(restOfCandidates.map(textOf), restOfReferences.map(textOf));
    const best = (values: readonly number[]) => Math.max(...values);
    for (const row of cosines) forPrecision += best(row);
    for (const column of restOfReferences.keys()) forRecall += best(cosines.map((row) => row[column] ?? 0));
  }
  const precision = forPrecision / (candidates.length + EPSILON);
  const recall = forRecall / (references.length + EPSILON);
  return { precision, recall, f1: (2 * precision * recall) / (precision + recall + EPSILON) };
}

/** Each candidate takes the first reference that is free and fits. @returns what is left of both */
function pairUp<T>(
  candidates: readonly T[],
  references: readonly T[],
  fits: (candidate: T, reference: T) => boolean,
): [T[], T[]] {
  const free = [...references];
  const left = candidates.filter((candidate) => {
    const at = free.findIndex((reference) => fits(candidate, reference));
    if (at >= 0) free.splice(at, 1);
    return at < 0;
  });
  return [left, free];
}

/** 1 where one is part of the other; else the share of lemma names that both words have. */
export function synonymScore(a: string, b: string, namesOf: (word: string) => ReadonlySet<string>): number {
  if (a.includes(b) || b.includes(a)) return 1;
  const [those, others] = [namesOf(a.replaceAll(" ", "_")), namesOf(b.replaceAll(" ", "_"))];
  const both = [...those].filter((name) => others.has(name)).length;
  return both / (those.size + others.size - both + EPSILON);
}
