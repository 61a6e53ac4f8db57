/** BLEU-1 to 4 as the COCO caption evaluation has it: of all captions together, with a trace of smoothing. */
import { splitPython } from "../python/python-text.js";
import { countNgrams } from "./ngram-counts.js";

export interface TokenizedCaption {
  /** Tokens with blanks between. */
  candidate: string;
  references: readonly string[];
}

type Four = readonly [number, number, number, number];

interface Counts {
  correct: number[];
  guessed: number[];
  length: number;
  referenceLength: number;
}

const sizes = [1, 2, 3, 4];

/** The mean of `each` is no BLEU: `corpus` is. */
export function bleu(captions: readonly TokenizedCaption[]): { corpus: Four; each: Four[] } {
  const counts = captions.map(countCaption);
  const add = (of: (counts: Counts) => number): number => counts.reduce((sum, one) => sum + of(one), 0);
  const total: Counts = {
    correct: sizes.map((_, i) => add(({ correct }) => correct[i] ?? 0)),
    guessed: sizes.map((_, i) => add(({ guessed }) => guessed[i] ?? 0)),
    length: add(({ length }) => length),
    referenceLength: add(({ referenceLength }) => referenceLength),
  };
  return { corpus: scoreOf(total), each: counts.map(scoreOf) };
}

function countCaption({ candidate, references }: TokenizedCaption): Counts {
  const words = splitPython(candidate);
  const others = references.map(splitPython);
  const correct = sizes.map((size) => {
    const most = new Map<string, number>();
    for (const other of others)
      for (const [ngram, count] of countNgrams(other, size)) most.set(ngram, Math.max(most.get(ngram) ?? 0, count));
    let sum = 0;
    for (const [ngram, count] of countNgrams(words, size)) sum += Math.min(count, most.get(ngram) ?? 0);
    return sum;
  });
  const lengths = others.map((other) => other.length);
  const gap = (length: number): number => Math.abs(length - words.length);
  // The closest, and of two the shorter.
  const [closest = 0] = lengths.sort((a, b) => gap(a) - gap(b) || a - b);
  return {
    correct,
    guessed: sizes.map((size) => Math.max(0, words.length - size + 1)),
    length: words.length,
    referenceLength: closest,
  };
}

/** Geometric means of precisions, less what is short. The two traces keep it from dividing by nothing. */
function scoreOf({ correct, guessed, length, referenceLength }: Counts): Four {
  const [tiny, small] = [1e-15, 1e-9];
  const ratio = (length + tiny) / (referenceLength + small);
  const penalty = ratio < 1 ? Math.exp(1 - 1 / ratio) : 1;
  let product = 1;
  const score = (i: number): number => {
    product *= ((correct[i] ?? 0) + tiny) / ((guessed[i] ?? 0) + small);
    return product ** (1 / (i + 1)) * penalty;
  };
  return [score(0), score(1), score(2), score(3)];
}
