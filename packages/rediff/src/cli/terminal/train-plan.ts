/** `rediff train RECIPE --plan N`: what the run would take of each of N processes. Nothing but configs is read. */
import { namedShape, type ShapeName, shapeNames } from "../../checkpoint/inspect/named-shapes.js";
import { UserError } from "../../errors.js";
import type { RecipeKeys } from "../../training/recipe/recipe.js";
import { settleDtype } from "../../training/run/default-dtype.js";
import { planModel } from "../../training/run/starting-model.js";
import { planRun, type RunPlan } from "../../training/sharding/run-plan.js";
import { answerLine } from "./lines.js";

export interface PlanFlags {
  processes: number;
  /** Of a sample. */
  tokens: number;
  /** What one process computes in fact, in 10^12 operations a second, and what it sends, in 10^9 bits a second. */
  tflops?: number | undefined;
  gbits?: number | undefined;
  json: boolean;
}

const SHARDINGS = ["none", "optimizer", "full"] as const;

export async function showPlan(recipe: RecipeKeys, flags: PlanFlags): Promise<void> {
  for (const [name, value] of Object.entries({ tflops: flags.tflops, gbits: flags.gbits }))
    if (value !== undefined && !(value > 0)) throw new UserError(`--${name} is ${value}; expected more than 0`);
  const named = shapeNames.find((name): name is ShapeName => name === recipe.model);
  const config = named === undefined ? (await planModel(recipe)).config : namedShape(named);
  const keys = { ...recipe, dtype: recipe.dtype ?? settleDtype(recipe, () => undefined).dtype };
  const plans = SHARDINGS.map((sharding) => ({
    sharding,
    ...planRun(config, { ...keys, sharding }, flags.processes, flags.tokens),
  }));
  if (flags.json) return answerLine(JSON.stringify({ ...flags, json: undefined, dtype: keys.dtype, plans }));
  const [first] = plans;
  answerLine(
    `${flags.processes} processes, ${keys.dtype}, ${flags.tokens} tokens a sample; ` +
      `${((first?.trained ?? 0) / 1e6).toFixed(1)} of ${((first?.parameters ?? 0) / 1e6).toFixed(1)} million parameters are trained`,
  );
  const header = [
    "sharding",
    "weights",
    "gradients",
    "state",
    "units",
    "activations",
    "together",
    "sent/step",
    "s/step",
  ];
  const rows = [header, ...plans.map((plan) => rowOf(plan.sharding, plan, flags))];
  const widths = header.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  for (const row of rows)
    answerLine(
      row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("  "),
    );
  answerLine("GiB in each process; activations are an estimate.");
  if (flags.tflops === undefined || flags.gbits === undefined)
    answerLine("With --tflops and --gbits, as measured on the machine, the time of a step is told.");
}

function rowOf(sharding: string, plan: RunPlan, flags: PlanFlags): string[] {
  const gib = (bytes: number) => (bytes / 2 ** 30).toFixed(2);
  const { weights, gradients, state, units, activations, sent } = plan;
  const all = weights + gradients + state + units + activations;
  return [
    sharding,
    ...[weights, gradients, state, units, activations, all, sent].map(gib),
    secondsOf(sharding, plan, flags),
  ];
}

/** What is sent and what is computed overlap where units come one by one; elsewhere one follows the other. */
function secondsOf(sharding: string, { operations, sent }: RunPlan, { tflops, gbits }: PlanFlags): string {
  if (tflops === undefined || gbits === undefined) return "-";
  const [computing, sending] = [operations / (tflops * 1e12), (8 * sent) / (gbits * 1e9)];
  return (sharding === "full" ? Math.max(computing, sending) : computing + sending).toFixed(2);
}
