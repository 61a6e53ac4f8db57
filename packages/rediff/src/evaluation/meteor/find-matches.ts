/** Which words of a caption could stand for which of a reference: METEOR's four ways, each with its number. */
import { javaHash } from "./java-text.js";
import type { Paraphrases } from "./paraphrase-table.js";
import { areSynonyms, type SynonymSets } from "./synonym-sets.js";

/** In this order, which is that of `Match.way`. */
export const ways = ["exact", "stem", "synonym", "paraphrase"] as const;

export interface Match {
  /** Place of its first word in the reference, and words. */
  start: number;
  length: number;
  /** The same in the caption. */
  otherStart: number;
  otherLength: number;
  way: number;
}

export interface Language {
  stem(word: string): string;
  synonyms: SynonymSets;
  paraphrases: Paraphrases;
}

export interface Matches {
  /** By the place in the reference where they begin. */
  at: readonly Match[][];
  /** How many matches cover a word of the caption, and of the reference. */
  coverage: readonly number[];
  referenceCoverage: readonly number[];
}

export function findMatches(caption: readonly string[], reference: readonly string[], language: Language): Matches {
  const at: Match[][] = reference.map(() => []);
  const coverage = caption.map(() => 0);
  const referenceCoverage = reference.map(() => 0);
  const add = (match: Match) => {
    at[match.start]?.push(match);
    for (let i = 0; i < match.otherLength; i++) count(coverage, match.otherStart + i);
    for (let i = 0; i < match.length; i++) count(referenceCoverage, match.start + i);
  };
  const addWords = (way: number, isMatch: (i: number, j: number) => boolean) => {
    for (let start = 0; start < reference.length; start++)
      for (let otherStart = 0; otherStart < caption.length; otherStart++)
        if (isMatch(otherStart, start)) add({ start, length: 1, otherStart, otherLength: 1, way });
  };
  const [keys, referenceKeys] = [caption.map(javaHash), reference.map(javaHash)];
  const isSame = (i: number, j: number) => keys[i] === referenceKeys[j];
  addWords(0, isSame);
  // Of two equal sentences the words are enough: more would lead the search astray.
  if (caption.length === reference.length && keys.every((_, i) => isSame(i, i)))
    return { at, coverage, referenceCoverage };
  const stemKey = (word: string) => javaHash(language.stem(word));
  const [stems, referenceStems] = [caption.map(stemKey), reference.map(stemKey)];
  addWords(1, (i, j) => stems[i] === referenceStems[j] && !isSame(i, j));
  const setsOf = (word: string) => language.synonyms.of(word);
  const [sets, referenceSets] = [caption.map(setsOf), reference.map(setsOf)];
  addWords(2, (i, j) => {
    const [one, other] = [sets[i], referenceSets[j]];
    return one !== undefined && other !== undefined && areSynonyms(one, other) && !isSame(i, j);
  });
  // The table is read in both directions.
  for (const found of sayings(reference, caption, language.paraphrases))
    add({ start: found.at, length: found.words, otherStart: found.otherAt, otherLength: found.otherWords, way: 3 });
  for (const found of sayings(caption, reference, language.paraphrases))
    add({ start: found.otherAt, length: found.otherWords, otherStart: found.at, otherLength: found.words, way: 3 });
  return { at, coverage, referenceCoverage };
}

function count(counts: number[], i: number): void {
  counts[i] = (counts[i] ?? 0) + 1;
}

interface Saying {
  at: number;
  words: number;
  otherAt: number;
  otherWords: number;
}

/** Phrases of one text of which the other has a paraphrase. */
function* sayings(text: readonly string[], other: readonly string[], table: Paraphrases): Generator<Saying> {
  for (let at = 0; at < text.length; at++)
    for (let words = 1; words <= table.longest && at + words <= text.length; words++)
      for (const saying of table.get(text.slice(at, at + words).join(" ")))
        for (let otherAt = 0; otherAt + saying.length <= other.length; otherAt++)
          if (saying.every((word, k) => other[otherAt + k] === word))
            yield { at, words, otherAt, otherWords: saying.length };
}
