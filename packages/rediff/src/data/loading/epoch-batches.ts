/** Which records an epoch's micro-batches hold: known before anything is loaded, a function of the options, the data and
 *  the epoch's number. So training can start anywhere. */
import { UserError } from "../../errors.js";
import type { Lengths } from "../records/record-lengths.js";
import { mixSeed, type Permute, streams, withPermutations } from "../records/seeded-random.js";
import { modalityLengthOrder } from "./epoch-order.js";

export interface BatchOptions {
  /** `modality_length` is the reference's `group_by_modality_length`; `sequential` keeps the order of the data. */
  order: "modality_length" | "shuffle" | "sequential";
  /** Samples in a micro-batch; with `tokenBudget`, at most so many (0: no bound). */
  batchSize: number;
  /** Micro-batches of about so many positions instead of a fixed number of samples: the positions of the longest sample
   *  times the number of samples stay below it. Lengths are estimates (see records/record-lengths.ts). */
  tokenBudget?: number;
  /** Processes times accumulation steps: how many micro-batches one step takes. Default 1. */
  chunks?: number;
  /** Leave out a last micro-batch that is not full. Default false; of no effect with `tokenBudget`. */
  dropLast?: boolean;
  seed: number;
}

export interface EpochBatches {
  /** Every record once. Computed when it is first asked for, where the number of batches does not depend on it. */
  readonly order: Uint32Array;
  readonly batches: number;
  /** Where a micro-batch starts in `order`: [batches + 1]. */
  readonly starts: Uint32Array;
}

/** Whether lengths have to be measured first. */
export function needsLengths({ order, tokenBudget }: BatchOptions): boolean {
  return order === "modality_length" || tokenBudget !== undefined;
}

export function epochBatches(options: BatchOptions, count: number, epoch: number, lengths?: Lengths): EpochBatches {
  checkOptions(options);
  const { tokenBudget } = options;
  const seed = mixSeed(options.seed, streams.order, epoch);
  if (tokenBudget !== undefined) {
    return withPermutations(seed, (permute) => budgetedBatches(options, tokenBudget, count, permute, need(lengths)));
  }
  let order: Uint32Array | undefined;
  return {
    ...fixedBatches(options, count),
    get order() {
      order ??= withPermutations(seed, (permute) => fixedOrder(options, count, permute, lengths));
      return order;
    },
  };
}

function checkOptions({ batchSize, tokenBudget, chunks = 1 }: BatchOptions): void {
  const least = tokenBudget === undefined ? 1 : 0;
  if (!Number.isInteger(batchSize) || batchSize < least) {
    throw new UserError(`the batch size is ${batchSize}; expected a whole number of at least ${least}`);
  }
  if (!Number.isInteger(chunks) || chunks < 1) {
    throw new UserError(`${chunks} micro-batches a step; expected a whole number of at least 1`);
  }
  if (tokenBudget !== undefined && !(tokenBudget >= 1)) {
    throw new UserError(`the token budget is ${tokenBudget}; expected a number of at least 1`);
  }
}

function need(lengths: Lengths | undefined): Lengths {
  if (lengths === undefined) throw new Error("this order needs the samples' lengths");
  return lengths;
}

const counting = (count: number): Uint32Array => Uint32Array.from({ length: count }, (_, i) => i);

function fixedOrder(options: BatchOptions, count: number, permute: Permute, lengths?: Lengths): Uint32Array {
  switch (options.order) {
    case "sequential":
      return counting(count);
    case "shuffle":
      return Uint32Array.from(permute(count));
    case "modality_length": {
      const { words } = need(lengths);
      return Uint32Array.from(modalityLengthOrder(words, options.batchSize, options.chunks ?? 1, permute));
    }
  }
}

function fixedBatches(
  { batchSize, dropLast = false }: BatchOptions,
  count: number,
): Pick<EpochBatches, "batches" | "starts"> {
  if (dropLast && count < batchSize) {
    throw new UserError(
      `${count} records make no full micro-batch of ${batchSize}, and drop_last leaves out what is not full`,
      "Set drop_last to false, or use a smaller batch size",
    );
  }
  const batches = dropLast ? Math.floor(count / batchSize) : Math.ceil(count / batchSize);
  const starts = Uint32Array.from({ length: batches + 1 }, (_, i) => Math.min(i * batchSize, count));
  return { batches, starts };
}

/** Samples that are looked at together: the more, the less padding, the less random the order. */
const WINDOW = 1024;

/** Shuffled, then sorted by length within windows, filled up to the budget, and the batches shuffled. Under
 *  `modality_length`, samples with and without pictures have windows of their own. */
function budgetedBatches(
  options: BatchOptions,
  budget: number,
  count: number,
  permute: Permute,
  { tokens, words }: Lengths,
): EpochBatches {
  const most = options.batchSize === 0 ? Number.POSITIVE_INFINITY : options.batchSize;
  const size = (index: number) => tokens[index] ?? 1;
  if (options.order === "sequential") return toPlan(fill([...counting(count)], size, budget, most), count);

  const shuffled = Array.from(permute(count));
  const kinds =
    options.order === "shuffle"
      ? [shuffled]
      : [shuffled.filter((i) => (words[i] ?? 0) > 0), shuffled.filter((i) => (words[i] ?? 0) <= 0)];
  const batches: number[][] = [];
  for (const kind of kinds) {
    for (let start = 0; start < kind.length; start += WINDOW) {
      const window = kind.slice(start, start + WINDOW).sort((a, b) => size(b) - size(a));
      for (const batch of fill(window, size, budget, most)) batches.push(batch);
    }
  }
  return toPlan(
    Array.from(permute(batches.length), (i) => batches[i] ?? []),
    count,
  );
}

/** A sample that is longer than the budget has a batch to itself. */
function fill(indices: readonly number[], size: (index: number) => number, budget: number, most: number): number[][] {
  const batches: number[][] = [];
  let batch: number[] = [];
  let longest = 0;
  for (const index of indices) {
    const grown = Math.max(longest, size(index));
    if (batch.length > 0 && (grown * (batch.length + 1) > budget || batch.length >= most)) {
      batches.push(batch);
      batch = [];
      longest = 0;
    }
    batch.push(index);
    longest = Math.max(longest, size(index));
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}

function toPlan(batches: readonly number[][], count: number): EpochBatches {
  const order = new Uint32Array(count);
  const starts = new Uint32Array(batches.length + 1);
  let position = 0;
  for (const [i, batch] of batches.entries()) {
    order.set(batch, position);
    position += batch.length;
    starts[i + 1] = position;
  }
  return { order, batches: batches.length, starts };
}
