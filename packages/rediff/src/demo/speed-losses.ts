/** What is lost by writing several tokens per step, and how two stages compare in it. */
import { evaluate, type Figure, type Interval, interval, resamples, type Tally } from "../scenes/scoring/score.js";

/** Captions of the same pictures in the same order, one token per step and several. */
export interface Pair {
  slow: readonly Tally[];
  fast: readonly Tally[];
}

export interface LossComparison {
  /** Of the figure, from one token per step to several. */
  reference: number;
  own: number;
  /** own - reference / 3: below 0 when at most a third is lost. 95 % from pictures resampled for all four together. */
  margin: number;
  interval: Interval | null;
}

/** @param reference the stage whose loss is the measure */
export function compareLosses(reference: Pair, own: Pair, figure: Figure, samples = 1000): LossComparison {
  const statistic = (indices: readonly number[]) => {
    const at = (tallies: readonly Tally[]) => evaluate(indices.map((i) => tallies[i] as Tally))[figure] ?? 0;
    const lost = ({ slow, fast }: Pair) => at(slow) - at(fast);
    const [theirs, ours] = [lost(reference), lost(own)];
    return { theirs, ours, margin: ours - theirs / 3 };
  };
  const count = reference.slow.length;
  const whole = statistic([...Array(count).keys()]);
  const margins = resamples(count, { samples }).map((indices) => statistic(indices).margin);
  return { reference: whole.theirs, own: whole.ours, margin: whole.margin, interval: interval(margins) };
}
