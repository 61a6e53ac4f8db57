/** Which records are drafted, and with how many steps: a function of numbers alone, so that processes share a data set
 *  without talking to each other, and a run goes on where it was killed. */
import { UserError } from "../../errors.js";

export interface Shard {
  /** From 0. */
  index: number;
  of: number;
}

/** Which records are drafted over. */
export interface PlanOptions {
  /** The first record, from 0. Default 0. */
  first?: number | undefined;
  /** Default: all from `first` on. */
  count?: number | undefined;
  /** Forward passes of a draft. Several values share the records out, in as many slices of equal length, one behind the
   *  other: the original drafts 5,000 records each with 128, 32 and 16 steps. */
  steps: readonly number[];
  /** Every `of`-th record, from the `index`-th on, as the original shares them out over its processes. */
  shard?: Shard | undefined;
}

export interface PlannedDraft {
  record: number;
  steps: number;
}

export interface DraftPlan {
  /** In this shard. */
  count: number;
  /** Each number once. */
  steps: readonly number[];
  drafts(): Generator<PlannedDraft>;
  /** How many steps a record gets; undefined when it is not drafted here. */
  stepsOf(record: number): number | undefined;
}

/** @param total records of the data. @throws UserError when the data has fewer than what is asked for */
export function planDrafts(total: number, { first = 0, count, steps, shard }: PlanOptions): DraftPlan {
  if (first >= total) throw new UserError(`there is no record ${first}: the data has ${total}, counted from 0`);
  const wanted = count ?? total - first;
  if (first + wanted > total) {
    throw new UserError(
      `${wanted} records from ${first} on were asked for, and the data has ${total}`,
      `Ask for ${total - first} at most.`,
    );
  }
  if (steps.length === 0) throw new Error("planDrafts: no steps");
  const { index, of } = checkShard(shard ?? { index: 0, of: 1 });
  const stepsAt = (place: number) => steps[Math.floor((place * steps.length) / wanted)] as number;
  return {
    count: Math.max(0, Math.ceil((wanted - index) / of)),
    steps: [...new Set(steps)],
    *drafts() {
      for (let place = index; place < wanted; place += of) yield { record: first + place, steps: stepsAt(place) };
    },
    stepsOf(record) {
      const place = record - first;
      const isPlanned = place >= 0 && place < wanted && place % of === index;
      return isPlanned ? stepsAt(place) : undefined;
    },
  };
}

/** "0/8": the first of eight. @throws UserError */
export function parseShard(text: string): Shard {
  const [, index, of] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  if (index === undefined || of === undefined) {
    throw new UserError(`shard "${text}": expected I/N`, "For example 0/8 to 7/8 for eight processes.");
  }
  return checkShard({ index: Number(index), of: Number(of) });
}

function checkShard(shard: Shard): Shard {
  const { index, of } = shard;
  if (Number.isSafeInteger(index) && Number.isSafeInteger(of) && index >= 0 && index < of) return shard;
  throw new UserError(`there is no shard ${index} of ${of}`, `They are counted from 0: 0/${of} to ${of - 1}/${of}.`);
}
