/** Whether one run is better than another on the same documents. */
import { rng } from "../../scenes/world/purpose-random.js";
import { studentBeyond, studentQuantile } from "./distributions.js";
import { sampleStandardError } from "./standard-errors.js";

export interface PairedTest {
  difference: number;
  stderr: number;
  /** Of 95 %. */
  interval: readonly [low: number, high: number];
  t: number;
  p: number;
  count: number;
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Student's t on differences; `values[i]` and `baseline[i]` are of one document. */
export function pairedTest(values: readonly number[], baseline: readonly number[]): PairedTest {
  const differences = differencesOf(values, baseline);
  const count = differences.length;
  const difference = mean(differences);
  const stderr = sampleStandardError(differences);
  if (!(stderr > 0)) {
    const isSame = difference === 0;
    const t = isSame ? 0 : Math.sign(difference) * Number.POSITIVE_INFINITY;
    return { difference, stderr, interval: [difference, difference], t, p: isSame ? 1 : 0, count };
  }
  const t = difference / stderr;
  const reach = studentQuantile(0.975, count - 1) * stderr;
  return {
    difference,
    stderr,
    interval: [difference - reach, difference + reach],
    t,
    p: studentBeyond(t, count - 1),
    count,
  };
}

export interface PairedBootstrap {
  difference: number;
  /** Of 95 %. */
  interval: readonly [low: number, high: number];
  /** How often the better of the two was not better. */
  p: number;
}

/** Documents drawn anew, with all that they had in both runs: no assumption about how scores are spread. */
export function pairedBootstrap(
  values: readonly number[],
  baseline: readonly number[],
  { samples = 10_000, seed = 0 }: { samples?: number; seed?: number } = {},
): PairedBootstrap {
  const differences = differencesOf(values, baseline);
  const difference = mean(differences);
  const random = rng(seed, "paired bootstrap");
  const means = Float64Array.from({ length: samples }, () => {
    let sum = 0;
    for (let i = 0; i < differences.length; i++) sum += differences[random.below(differences.length)] ?? 0;
    return sum / differences.length;
  }).sort();
  const at = (share: number): number => means[Math.min(samples - 1, Math.floor(share * samples))] ?? Number.NaN;
  const against = means.filter((value) => (difference >= 0 ? value <= 0 : value >= 0)).length;
  return { difference, interval: [at(0.025), at(0.975)], p: Math.min(1, (2 * against) / samples) };
}

function differencesOf(values: readonly number[], baseline: readonly number[]): number[] {
  if (values.length !== baseline.length || values.length === 0)
    throw new RangeError(`pairs of documents: ${values.length} scores beside ${baseline.length}`);
  return values.map((value, i) => value - (baseline[i] ?? 0));
}
