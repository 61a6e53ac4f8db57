/** What is said of a step that cannot be used: which samples, and where the last good state is. */
import { optim } from "@rediff/torch";
import type { TrainingSample } from "../../data/samples/sample.js";
import { describeSource } from "../../data/samples/sample-error.js";
import { UserError } from "../../errors.js";
import type { StepResult } from "../backward/micro-batch.js";
import { findCheckpoint } from "../checkpoint/training-checkpoint.js";

export interface FaultyStep {
  /** From 1. */
  step: number;
  samples: readonly TrainingSample[];
  /** Of the run, where its checkpoints are. */
  output: string;
}

/** @param result of the samples' own losses, where they tell which of them it is */
export function notFinite(what: string, { step, samples, output }: FaultyStep, result?: StepResult): UserError {
  const guilty = samples.filter((_, i) => {
    const terms = Object.values(result?.samples[i] ?? {});
    return terms.some((term) => !Number.isFinite(term));
  });
  const named = (guilty.length > 0 ? guilty : samples).slice(0, 8).map(({ source }) => describeSource(source));
  const last = findCheckpoint(output);
  return new UserError(
    `step ${step}: ${what}; samples: ${named.join(", ")}${samples.length > 8 ? ", ..." : ""}`,
    `Nothing was updated by it. ${last === undefined ? "There is no checkpoint yet" : `The last good state is ${last}`}; ` +
      "try a lower learning_rate, or dtype float32, or leave the samples out.",
  );
}

export function badGradients(
  parameters: Parameters<typeof optim.nonFiniteGradients>[0],
  faulty: FaultyStep,
): UserError {
  const names = optim.nonFiniteGradients(parameters);
  const more = names.length > 3 ? ` and ${names.length - 3} more` : "";
  return notFinite(`the gradients of ${names.slice(0, 3).join(", ")}${more} are not finite`, faulty);
}
