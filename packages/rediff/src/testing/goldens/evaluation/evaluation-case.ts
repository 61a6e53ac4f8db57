/** Cases of the scorers: documents, answers, and what the original's scripts made of them. */
import { z } from "zod";
import { compareWithin } from "../compare.js";
import type { GoldenCase, Outcome } from "../golden-case.js";

const keyed = z.record(z.string(), z.unknown());

const schema = z.looseObject({
  task: z.string(),
  docs: z.array(keyed),
  predictions: z.array(keyed),
  prompts: z.array(z.unknown()),
  per_sample: z.array(keyed),
  aggregate: keyed,
  sub_scores: keyed.default({}),
  judge_calls: z.array(z.looseObject({ reply: z.string(), max_tokens: z.int().optional() })).default([]),
});

export type EvaluationCase = z.infer<typeof schema>;
export type Keyed = Record<string, unknown>;

export function evaluationCase({ raw }: GoldenCase): EvaluationCase {
  return schema.parse(finite(raw));
}

/** JSON has no NaN: the cases have it as a text. A prediction may be that text in earnest, so only numbers' places count. */
function finite(value: unknown, key = ""): unknown {
  if (value === "NaN" && key !== "text") return Number.NaN;
  if (value === "Infinity" && key !== "text") return Number.POSITIVE_INFINITY;
  if (Array.isArray(value)) return value.map((inner) => finite(inner, key));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, finite(inner, name)]));
}

const tolerance = z.looseObject({ atol: z.number().default(0) });

/** Texts equal; sums of floats may differ in their last digits, whatever the case allows beyond. */
export const compareScores = (actual: unknown, expected: unknown, golden: GoldenCase): Outcome =>
  compareWithin(actual, expected, Math.max(1e-9, tolerance.parse(golden.tolerance).atol));

/** The same keys as in what was recorded, from what is asked of each. */
export const like = (recorded: Keyed, value: (key: string) => unknown): Keyed =>
  Object.fromEntries(Object.keys(recorded).map((key) => [key, value(key)]));
