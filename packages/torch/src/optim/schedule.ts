/** The learning rate over the steps of a run, as a factor on the base rate: a linear warm-up, then cosine, linear or
 *  constant, with the numbers of transformers' get_*_schedule_with_warmup. Steps count from 0, and the factor is the one
 *  that step's update uses: with a warm-up the very first update has rate 0. */

export type ScheduleName = "cosine" | "linear" | "constant";

export const SCHEDULES: readonly ScheduleName[] = ["cosine", "linear", "constant"];

export interface ScheduleOptions {
  schedule: ScheduleName;
  totalSteps: number;
  warmupSteps: number;
}

/** ceil(ratio * steps), in floating point as the original computes it. */
export function warmupSteps(ratio: number, totalSteps: number): number {
  return Math.ceil(ratio * totalSteps);
}

/** The factor for the update of `step`; after the last step it stays where the schedule ended. */
export function learningRateFactor(step: number, { schedule, totalSteps, warmupSteps }: ScheduleOptions): number {
  if (step < warmupSteps) return step / Math.max(1, warmupSteps);
  if (schedule === "constant") return 1;
  const decaySteps = Math.max(1, totalSteps - warmupSteps);
  if (schedule === "linear") return Math.max(0, (totalSteps - step) / decaySteps);
  // transformers' cosine would rise again after the end.
  const progress = Math.min(1, (step - warmupSteps) / decaySteps);
  return Math.max(0, 0.5 * (1 + Math.cos(Math.PI * progress)));
}
