/** METEOR 1.5 for English, as pycocoevalcap calls it (`-l en -norm`): matches of words by themselves, stems, synonyms and
 *  paraphrases. Its tables belong to the original and are read from a folder of the user's. */
import type { TokenizedCaption } from "../ngrams/bleu.js";
import { align } from "./align.js";
import { stemEnglish } from "./english-stemmer.js";
import { findMatches, type Language } from "./find-matches.js";
import { javaTrim, javaWords } from "./java-text.js";
import type { MeteorFiles } from "./meteor-files.js";
import { addStatistics, type MeteorStatistics, meteorScore, statisticsOf } from "./meteor-statistics.js";
import { normalizeLine } from "./normalize-line.js";
import type { Paraphrases } from "./paraphrase-table.js";

export interface MeteorScores {
  corpus: number;
  each: { score: number; statistics: MeteorStatistics }[];
}

/** @param captions tokens as `ptbTokens` makes them. The table of paraphrases is read once for all of them */
export async function meteor(captions: readonly TokenizedCaption[], files: MeteorFiles): Promise<MeteorScores> {
  const lines = captions.map(({ candidate, references }) => ({
    caption: wordsOf(asGiven(candidate), files),
    references: references.map((reference) => wordsOf(reference, files)),
  }));
  const words = new Set(lines.flatMap(({ caption, references }) => [...caption, ...references.flat()]));
  const language = { stem: stemmer(), synonyms: files.synonyms, paraphrases: await files.paraphrases(words) };
  const each = lines.map(({ caption, references }) => best(caption, references, language, files.functionWords));
  return { corpus: meteorScore(addStatistics(each.map(({ statistics }) => statistics))), each };
}

/** pycocoevalcap keeps its own separator out of what it hands over. */
const asGiven = (candidate: string): string => candidate.replaceAll("|||", "").replaceAll("  ", " ");

const wordsOf = (line: string, { abbreviations }: MeteorFiles): string[] =>
  javaWords(normalizeLine(javaTrim(line), abbreviations).toLowerCase());

function stemmer(): Language["stem"] {
  const known = new Map<string, string>();
  return (word) => {
    const stem = known.get(word) ?? stemEnglish(word);
    known.set(word, stem);
    return stem;
  };
}

/** The first of the best references. */
function best(
  caption: readonly string[],
  references: readonly (readonly string[])[],
  language: Language & { paraphrases: Paraphrases },
  functionWords: ReadonlySet<string>,
): { score: number; statistics: MeteorStatistics } {
  const scored = references.map((reference) => {
    const matches = align(findMatches(caption, reference, language));
    const statistics = statisticsOf(caption, reference, matches, functionWords);
    return { score: meteorScore(statistics), statistics };
  });
  const first = scored[0] ?? { score: 0, statistics: statisticsOf(caption, [], [], functionWords) };
  return scored.reduce((found, one) => (one.score > found.score ? one : found), first);
}
