/** Series of scores, and what today's lmms-eval computes of them. */
import { z } from "zod";
import { roundPython } from "../../../evaluation/python/python-number.js";
import { pairedTest } from "../../../evaluation/statistics/paired-tests.js";
import { powerOf } from "../../../evaluation/statistics/power.js";
import { repeatedScores } from "../../../evaluation/statistics/repeated-answers.js";
import {
  clusteredStandardError,
  groupScore,
  pooledStandardError,
  sampleStandardError,
} from "../../../evaluation/statistics/standard-errors.js";
import type { GoldenCase, Outcome } from "../golden-case.js";
import { compareScores } from "./evaluation-case.js";

const numbers = z.array(z.number());

const schema = z.looseObject({
  per_sample: z.array(
    z.looseObject({ values: numbers, clusters: z.array(z.union([z.number(), z.string()])), baseline: numbers }),
  ),
  repeated: z.array(z.looseObject({ samples: z.array(numbers) })),
  groups: z.array(z.looseObject({ metrics: numbers, stderrs: numbers, sizes: numbers })),
  power: z.array(
    z.looseObject({
      request: z.looseObject({
        effect_size: z.number(),
        std_a: z.number().optional(),
        std_b: z.number().optional(),
        alpha: z.number().optional(),
        power: z.number().optional(),
        correlation: z.number().optional(),
        current_n: z.number().optional(),
      }),
    }),
  ),
});

type Series = z.infer<typeof schema>["per_sample"][number];
type Power = z.infer<typeof schema>["power"][number];

export function statistics(golden: GoldenCase): Outcome {
  const { per_sample, repeated, groups, power } = schema.parse(golden.raw);
  const actual = {
    per_sample: per_sample.map(seriesFigures),
    repeated: repeated.map(({ samples }) => {
      const { expectedAccuracy, consensusAccuracy, internalVariance, consistencyRate } = repeatedScores(samples);
      return {
        samples,
        expected_accuracy: expectedAccuracy,
        consensus_accuracy: consensusAccuracy,
        internal_variance: internalVariance,
        consistency_rate: consistencyRate,
      };
    }),
    groups: groups.map(({ metrics, stderrs, sizes }) => {
      const parts = metrics.map((score, i) => ({ score, stderr: stderrs[i] ?? 0, size: sizes[i] ?? 0 }));
      const weighted = groupScore(parts, "documents");
      const unweighted = groupScore(parts, "tasks");
      return { metrics, stderrs, sizes, pooled_stderr: pooledStandardError(parts), weighted, unweighted };
    }),
    power: power.map(powerFigures),
  };
  return compareScores(actual, { per_sample, repeated, groups, power }, golden);
}

function seriesFigures({ values, clusters, baseline }: Series): unknown {
  const { difference, stderr, interval, t, p, count } = pairedTest(values, baseline);
  return {
    values,
    clusters,
    baseline,
    mean: values.reduce((sum, value) => sum + value, 0) / values.length,
    stderr: sampleStandardError(values),
    clustered_stderr: clusteredStandardError(values, clusters),
    paired_ttest: {
      mean_diff: difference,
      se_diff: stderr,
      ci_lower: interval[0],
      ci_upper: interval[1],
      t_stat: t,
      p_value: p,
      n: count,
    },
  };
}

function powerFigures({ request }: Power): unknown {
  const { effect_size, std_a = 0.5, std_b = std_a, alpha = 0.05, power = 0.8, correlation = 0.5 } = request;
  const answer = powerOf({ effect: effect_size, deviations: [std_a, std_b], correlation, alpha, power });
  const count = request.current_n;
  return {
    request,
    min_n: answer.documents,
    effect_size,
    std_a,
    std_b,
    alpha,
    power,
    correlation,
    ...(count === undefined
      ? {}
      : {
          current_n: count,
          current_power: roundPython(answer.powerOf(count), 4),
          min_detectable_effect: roundPython(answer.effectOf(count), 4),
        }),
  };
}
