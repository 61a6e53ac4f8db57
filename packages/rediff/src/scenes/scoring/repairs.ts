/** How well planted errors are found and mended, and right captions left alone (`rediff refine`). */

import { splitWords } from "../language/words.js";
import type { Facts } from "../world/facts.js";
import { type Interval, interval, resamples, scoreCaption } from "./score.js";

/** A caption that was to be refined; "none" is one without an error. */
export interface RepairCase {
  kind: string;
  draft: string;
  right: string;
  facts: Facts;
}

export interface RepairTally {
  kind: string;
  /** A word of the error was changed; of a right caption, any word. */
  detected: number;
  /** The result is true, complete and grammatical, in whatever words. */
  repaired: number;
}

export function judgeRepair({ kind, draft, right, facts }: RepairCase, refined: string): RepairTally {
  const [before, wanted, after] = [splitWords(draft), splitWords(right), splitWords(refined)];
  const wrong = kind === "none" ? [...before.keys()] : [...before.keys()].filter((i) => before[i] !== wanted[i]);
  const detected = before.length !== after.length || wrong.some((i) => after[i] !== before[i]);
  return { kind, detected: Number(detected), repaired: scoreCaption(refined, facts).exact };
}

export interface RepairScores {
  /** Captions with an error. */
  errors: number;
  detected: number | null;
  repaired: number | null;
  /** Captions without one, and the share of them that was changed. */
  right: number;
  falseEdits: number | null;
  byKind: Record<string, { errors: number; detected: number; repaired: number }>;
  intervals: { detected: Interval | null; repaired: Interval | null; falseEdits: Interval | null };
}

export function scoreRepairs(
  tallies: readonly RepairTally[],
  options: { seed?: number; samples?: number } = {},
): RepairScores {
  const errors = tallies.filter(({ kind }) => kind !== "none");
  const right = tallies.filter(({ kind }) => kind === "none");
  const kinds = [...new Set(errors.map(({ kind }) => kind))].sort();
  const share = (some: readonly RepairTally[], key: "detected" | "repaired") =>
    some.length === 0 ? null : some.reduce((sum, tally) => sum + tally[key], 0) / some.length;
  const range = (some: readonly RepairTally[], key: "detected" | "repaired") =>
    some.length === 0
      ? null
      : interval(
          resamples(some.length, options).map((indices) =>
            share(
              indices.map((i) => some[i] as RepairTally),
              key,
            ),
          ),
        );
  return {
    errors: errors.length,
    detected: share(errors, "detected"),
    repaired: share(errors, "repaired"),
    right: right.length,
    falseEdits: share(right, "detected"),
    byKind: Object.fromEntries(
      kinds.map((kind) => {
        const own = errors.filter((tally) => tally.kind === kind);
        return [
          kind,
          { errors: own.length, detected: share(own, "detected") ?? 0, repaired: share(own, "repaired") ?? 0 },
        ];
      }),
    ),
    intervals: {
      detected: range(errors, "detected"),
      repaired: range(errors, "repaired"),
      falseEdits: range(right, "detected"),
    },
  };
}
