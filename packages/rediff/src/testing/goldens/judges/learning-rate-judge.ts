/** Learning rates of the cosine schedule, step by step. */
import { optim } from "@rediff/torch";
import { z } from "zod";
import type { GoldenCase, Outcome } from "../golden-case.js";

const outputsSchema = z.strictObject({
  rows: z.array(
    z.strictObject({
      total_steps: z.int(),
      warmup_ratio: z.number(),
      warmup_steps: z.int(),
      base_lr: z.number(),
      lr_used_at_step: z.array(z.number()),
      lr_after_last: z.number(),
    }),
  ),
});

const toleranceSchema = z.looseObject({ atol: z.number(), rtol: z.number() });

export async function run({ outputs, tolerance }: GoldenCase): Promise<Outcome> {
  const { atol, rtol } = toleranceSchema.parse(tolerance);
  const problems: string[] = [];
  let deviation = 0;
  for (const [i, row] of outputsSchema.parse(outputs).rows.entries()) {
    const warmup = optim.warmupSteps(row.warmup_ratio, row.total_steps);
    if (warmup !== row.warmup_steps) problems.push(`row ${i}: ${warmup} warm-up steps, expected ${row.warmup_steps}`);
    const options = { schedule: "cosine", totalSteps: row.total_steps, warmupSteps: warmup } as const;
    for (const [step, wanted] of [...row.lr_used_at_step, row.lr_after_last].entries()) {
      const found = row.base_lr * optim.learningRateFactor(step, options);
      const distance = Math.abs(found - wanted);
      deviation = Math.max(deviation, distance);
      if (!(distance <= atol + rtol * Math.abs(wanted)))
        problems.push(`row ${i}, step ${step}: got ${found}, expected ${wanted}`);
    }
  }
  const [note] = problems;
  return note === undefined ? { status: "passed", deviation } : { status: "failed", deviation, note };
}
