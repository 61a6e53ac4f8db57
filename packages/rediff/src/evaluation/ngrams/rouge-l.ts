/** ROUGE-L as the COCO caption evaluation has it: longest common subsequence, precision counting less than recall. */
import type { TokenizedCaption } from "./bleu.js";

const BETA = 1.2;

/** The best precision and the best recall, which may be of two references. */
export function rougeL({ candidate, references }: TokenizedCaption): number {
  // At single blanks: an empty caption is one empty word, and so has a length.
  const words = candidate.split(" ");
  const pairs = references.map((reference) => {
    const others = reference.split(" ");
    const common = commonLength(words, others);
    return { precision: common / words.length, recall: common / others.length };
  });
  const precision = Math.max(...pairs.map((pair) => pair.precision));
  const recall = Math.max(...pairs.map((pair) => pair.recall));
  if (!(precision > 0 && recall > 0)) return 0;
  return ((1 + BETA ** 2) * precision * recall) / (recall + BETA ** 2 * precision);
}

function commonLength(a: readonly string[], b: readonly string[]): number {
  let row = new Array<number>(b.length + 1).fill(0);
  for (const word of a) {
    const next = [0];
    for (const [j, other] of b.entries())
      next.push(word === other ? (row[j] ?? 0) + 1 : Math.max(row[j + 1] ?? 0, next[j] ?? 0));
    row = next;
  }
  return row[b.length] ?? 0;
}
