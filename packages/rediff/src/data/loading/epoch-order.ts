/** The order in which an epoch shows the samples: a permutation of all records, a function of seed and epoch alone.
 *
 *  Grouping by modality and length is LLaVA's (spec of the grouping sampler): samples with and without pictures never
 *  share a batch, but for one left-over group at the end, and the batches of a step have about the same length. Here
 *  `chunks` is processes times accumulation steps, a group is `batchSize * chunks` samples. */
import type { Permute } from "../records/seeded-random.js";

/** `lengths` positive for samples with pictures, negative without; never 0.
 *
 *  With both kinds: each is permuted and grouped by itself, the full groups are shuffled, and the last group of each
 *  (often not full) are put together at the end, in the order of the records. With one kind only, nothing is shuffled
 *  after the grouping. */
export function modalityLengthOrder(
  lengths: ArrayLike<number>,
  batchSize: number,
  chunks: number,
  permute: Permute,
): number[] {
  const all = Array.from({ length: lengths.length }, (_, i) => i);
  const seeing = all.filter((i) => lengthAt(lengths, i) > 0);
  if (seeing.length === 0 || seeing.length === all.length) return lengthOrder(lengths, batchSize, chunks, permute);

  const group = batchSize * chunks;
  const reading = all.filter((i) => lengthAt(lengths, i) < 0);
  const grouped = [seeing, reading].map((kind) => {
    const own = Int32Array.from(kind, (i) => Math.abs(lengths[i] ?? 0));
    return cutEvery(
      lengthOrder(own, batchSize, chunks, permute).map((i) => kind[i] as number),
      group,
    );
  });
  const full = grouped.flatMap((groups) => groups.slice(0, -1));
  const rest = grouped.flatMap((groups) => groups.at(-1) ?? []);
  const shuffled = Array.from(permute(full.length), (i) => full[i] ?? []);
  return [...shuffled, rest.sort((a, b) => a - b)].flat();
}

/** Permuted, cut into groups, each group sorted from long to short and dealt to its chunks so that their sums balance. */
export function lengthOrder(lengths: ArrayLike<number>, batchSize: number, chunks: number, permute: Permute): number[] {
  for (let i = 0; i < lengths.length; i++) lengthAt(lengths, i);
  const order: number[] = [];
  for (const group of cutEvery(Array.from(permute(lengths.length)), batchSize * chunks)) {
    group.sort((a, b) => lengthAt(lengths, b) - lengthAt(lengths, a));
    for (const chunk of deal(group, lengths, chunks)) for (const index of chunk) order.push(index);
  }
  return order;
}

/** Each sample, longest first, to the chunk with the smallest sum that is not full. A group that cannot be shared
 *  evenly is dealt round, as the reference does. */
function deal(group: readonly number[], lengths: ArrayLike<number>, chunks: number): number[][] {
  if (group.length % chunks !== 0) {
    return Array.from({ length: chunks }, (_, chunk) => group.filter((_, i) => i % chunks === chunk));
  }
  const dealt: number[][] = Array.from({ length: chunks }, () => []);
  const sums = new Array<number>(chunks).fill(0);
  for (const index of group) {
    const least = sums.indexOf(Math.min(...sums));
    const chunk = dealt[least];
    if (chunk === undefined) break;
    chunk.push(index);
    sums[least] = chunk.length * chunks === group.length ? Infinity : (sums[least] ?? 0) + lengthAt(lengths, index);
  }
  return dealt;
}

function lengthAt(lengths: ArrayLike<number>, index: number): number {
  const length = lengths[index] ?? 0;
  if (length === 0) throw new RangeError(`sample ${index} has length 0`);
  return length;
}

function cutEvery<Value>(values: readonly Value[], size: number): Value[][] {
  const pieces: Value[][] = [];
  for (let start = 0; start < values.length; start += size) pieces.push(values.slice(start, start + size));
  return pieces;
}
