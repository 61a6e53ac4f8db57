/** A line of metrics.jsonl, whoever wrote it: judged once, here. */
import { z } from "zod";
import { parseShallowJson } from "../../options/shallow-json.js";

const terms = ["masked", "corrupted", "clean", "revised"] as const;
export type TermValues = Partial<Record<(typeof terms)[number], number>>;

export interface StepLine {
  kind: "step";
  step: number;
  /** NaN where it was no finite number, which JSON has no word for. */
  loss: number;
  terms: TermValues;
  totalSteps: number | undefined;
  epoch: number | undefined;
  learningRate: number | undefined;
  gradientNorm: number | undefined;
  /** Of the step. */
  samples: number | undefined;
  tokens: number | undefined;
  seconds: number | undefined;
  waitSeconds: number | undefined;
  time: string | undefined;
}

export interface HeldOutLine {
  kind: "held-out";
  step: number;
  loss: number;
  terms: TermValues;
  samples: number | undefined;
  time: string | undefined;
}

const step = z.int().min(0);
/** JSON.stringify writes null for what is not finite. */
const loss = z.number().nullable();
const value = z.number().nullish();
const amount = z.number().min(0).nullish();
const time = z.iso.datetime({ offset: true }).nullish();

const stepSchema = z.looseObject({
  ...{ step, loss, total_steps: step.nullish(), epoch: amount, learning_rate: value, gradient_norm: value, time },
  ...{ samples: amount, tokens: amount, seconds: amount, wait_seconds: amount },
});
const heldOutSchema = z.looseObject({ step, eval_loss: loss, eval_samples: amount, time });

/** undefined for what is no line of a run. */
export function parseMetricsLine(text: string): StepLine | HeldOutLine | undefined {
  let line: unknown;
  try {
    line = parseShallowJson(text);
  } catch {
    return undefined;
  }
  const held = heldOutSchema.safeParse(line).data;
  if (held !== undefined)
    return {
      kind: "held-out",
      step: held.step,
      loss: held.eval_loss ?? Number.NaN,
      terms: termsIn(held, "eval_loss"),
      samples: held.eval_samples ?? undefined,
      time: held.time ?? undefined,
    };
  const taken = stepSchema.safeParse(line).data;
  if (taken === undefined) return undefined;
  return {
    kind: "step",
    step: taken.step,
    loss: taken.loss ?? Number.NaN,
    terms: termsIn(taken, "loss"),
    totalSteps: taken.total_steps ?? undefined,
    epoch: taken.epoch ?? undefined,
    learningRate: taken.learning_rate ?? undefined,
    gradientNorm: taken.gradient_norm ?? undefined,
    samples: taken.samples ?? undefined,
    tokens: taken.tokens ?? undefined,
    seconds: taken.seconds ?? undefined,
    waitSeconds: taken.wait_seconds ?? undefined,
    time: taken.time ?? undefined,
  };
}

/** In the order above, whatever theirs is. */
function termsIn(line: Record<string, unknown>, prefix: string): TermValues {
  const found: TermValues = {};
  for (const term of terms) {
    const { data } = z.number().safeParse(line[`${prefix}_${term}`]);
    if (data !== undefined) found[term] = data;
  }
  return found;
}
