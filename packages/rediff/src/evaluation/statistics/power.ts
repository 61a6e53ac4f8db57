/** How many documents it takes to see a difference between two runs on the same ones. */
import { normalBelow, normalQuantile } from "./distributions.js";

export interface PowerQuestion {
  /** The difference of means to be seen: 0.03 is three points. */
  effect: number;
  /** Of one document's score in each run; 0.5 is the most that right and wrong can have. */
  deviations?: readonly [number, number];
  /** How much both runs agree on what is hard. */
  correlation?: number;
  /** How often there may be an alarm for nothing. */
  alpha?: number;
  /** How often the difference is to be seen where there is one. */
  power?: number;
}

export interface PowerAnswer {
  documents: number;
  /** How often `count` documents would show it. */
  powerOf(count: number): number;
  /** The smallest difference that `count` documents show. */
  effectOf(count: number): number;
}

export function powerOf(question: PowerQuestion): PowerAnswer {
  const { effect, deviations = [0.5, 0.5], correlation = 0.5, alpha = 0.05, power = 0.8 } = question;
  const [a, b] = deviations;
  const deviation = Math.sqrt(a * a + b * b - 2 * correlation * a * b);
  const [alarm, seen] = [normalQuantile(1 - alpha / 2), normalQuantile(power)];
  return {
    documents: Math.ceil((((alarm + seen) * deviation) / effect) ** 2),
    powerOf: (count) => normalBelow(effect / (deviation / Math.sqrt(count)) - alarm),
    effectOf: (count) => ((alarm + seen) * deviation) / Math.sqrt(count),
  };
}
