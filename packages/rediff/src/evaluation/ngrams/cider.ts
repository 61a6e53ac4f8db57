/** CIDEr as the COCO caption evaluation has it, which is CIDEr-D: what is rare among the references of this run counts more.
 *
 *  A caption's score depends on the other pictures: a single picture scores 0. */
import { splitPython } from "../python/python-text.js";
import type { TokenizedCaption } from "./bleu.js";
import { countNgrams } from "./ngram-counts.js";

const sizes = [1, 2, 3, 4];
/** Of the Gaussian over differences of length. */
const SIGMA = 6;

interface Weighted {
  /** By size of ngram. */
  vectors: Map<string, number>[];
  norms: number[];
  /** Counted in pairs of words. */
  length: number;
}

export function cider(captions: readonly TokenizedCaption[]): { corpus: number; each: number[] } {
  const frequency = documentFrequency(captions);
  const pictures = Math.log(captions.length);
  const weigh = (text: string): Weighted => {
    const counts = countsOf(text);
    const vectors = counts.map((ngrams) => {
      const weight = ([ngram, count]: [string, number]): [string, number] => [
        ngram,
        count * (pictures - Math.log(Math.max(1, frequency.get(ngram) ?? 0))),
      ];
      return new Map([...ngrams].map(weight));
    });
    const norms = vectors.map((vector) => Math.sqrt(sum([...vector.values()].map((value) => value ** 2))));
    return { vectors, norms, length: sum([...(counts[1]?.values() ?? [])]) };
  };
  const each = captions.map(({ candidate, references }) => {
    const own = weigh(candidate);
    const scores = references.map((reference) => similarity(own, weigh(reference)));
    return (sum(scores.map((score) => sum(score) / sizes.length)) / references.length) * 10;
  });
  return { corpus: sum(each) / each.length, each };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

function countsOf(text: string): Map<string, number>[] {
  const words = splitPython(text);
  return sizes.map((size) => countNgrams(words, size));
}

/** Pictures whose references have an ngram. Sizes do not meet: a run of two words is no single word. */
function documentFrequency(captions: readonly TokenizedCaption[]): Map<string, number> {
  const frequency = new Map<string, number>();
  for (const { references } of captions) {
    const seen = new Set(references.flatMap(countsOf).flatMap((counts) => [...counts.keys()]));
    for (const ngram of seen) frequency.set(ngram, (frequency.get(ngram) ?? 0) + 1);
  }
  return frequency;
}

/** For each size: what both have, no more of it than the reference, as a cosine, less what the lengths differ. */
function similarity(own: Weighted, other: Weighted): number[] {
  const gap = own.length - other.length;
  return sizes.map((_, i) => {
    const theirs = other.vectors[i];
    let dot = 0;
    for (const [ngram, weight] of own.vectors[i] ?? []) {
      const reference = theirs?.get(ngram) ?? 0;
      dot += Math.min(weight, reference) * reference;
    }
    const norm = (own.norms[i] ?? 0) * (other.norms[i] ?? 0);
    return (norm === 0 ? dot : dot / norm) * Math.exp(-(gap ** 2) / (2 * SIGMA ** 2));
  });
}
