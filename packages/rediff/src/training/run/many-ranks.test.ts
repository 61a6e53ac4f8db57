/** Trainings of several processes against that of one: the same losses, the same weights, whatever is divided. The ranks
 *  are in this process; cli/end-to-end/launched-training.test.ts has real ones. */
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { memory, openCheckpoint, setThreads } from "@rediff/torch";
import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import { folderOfFile } from "../../testing/folders.js";
import { onRanks, valuesOnRanks } from "../../testing/ranks-here.js";
import { writeTinyModel } from "../../testing/tiny-model.js";
import type { RecipeKeys } from "../recipe/recipe.js";
import { parseRecipe } from "../recipe/recipe-file.js";
import type { RunRequests } from "./run-parts.js";
import type { StepReport } from "./run-report.js";
import { train } from "./trainer.js";

const { at, path: folder } = folderOfFile();
let model: string;
let data: string;

beforeAll(async () => {
  setThreads(1);
  model = writeTinyModel(at("model"));
  data = at("train.jsonl");
  const lines: string[] = [];
  // Uneven: two of three have a picture, answers of unequal length, some with phrases to revise; 13 of them.
  for (let i = 0; i < 13; i++) {
    const hasPicture = i % 3 !== 2;
    const name = `p${i}.png`;
    if (hasPicture)
      await sharp({ create: { width: 28, height: 28 + i, channels: 3, background: { r: 15 * i, g: 80, b: 200 } } })
        .png()
        .toFile(at(name));
    const question = { from: "human", value: hasPicture ? "<image>\nDescribe." : "How many?" };
    const answer = { from: "gpt", value: `Picture ${i} is blue and ${"very ".repeat(i % 4)}flat.` };
    const revise = i % 4 === 1 ? [{ org: "blue", target: "blue" }] : undefined;
    lines.push(
      JSON.stringify({
        id: `s${i}`,
        ...(hasPicture && { image: name }),
        ...(revise && { revise }),
        conversations: [question, answer],
      }),
    );
  }
  writeFileSync(data, `${lines.join("\n")}\n`);
});

let runs = 0;

function recipe(values: Record<string, unknown> = {}): RecipeKeys {
  return parseRecipe(
    JSON.stringify({
      ...{ model, output: at(`run-${runs++}`), data, image_folder: folder, image_grid_pinpoints: "(1x1),...,(2x2)" },
      ...{ dtype: "float32", device: "cpu", workers: 0, batch_size: 1, max_steps: 4, learning_rate: 1e-3 },
      ...{ warmup_ratio: 0, max_length: 512, save: { every: 0, keep: 0 }, objective: "rediff", drop_last: false },
      // Where a gradient is nothing but rounding (that of a bias of keys), Adam would make steps of it.
      ...{ gradient_accumulation_steps: accumulation, weight_decay: 0.1, eps: 1e-4, logging: { tensorboard: false } },
      ...values,
    }),
    "test.yaml",
  );
}

interface Run {
  losses: number[];
  norms: number[];
  steps: StepReport[];
  output: string;
}

/** `keys` on so many ranks, with as many micro-batches in a step as `keys` says for one. */
async function run(size: number, keys: RecipeKeys, requests?: RunRequests): Promise<Run> {
  const own = { ...keys, gradient_accumulation_steps: keys.gradient_accumulation_steps / size };
  const steps: StepReport[] = [];
  const onStep = (report: StepReport) => void steps.push(report);
  const ask = requests && { requests };
  if (size === 1) await train(own, { onStep, ...ask });
  else await valuesOnRanks(size, (ranks) => train(own, { onStep, ranks, ...(ranks.rank === 0 && ask) }));
  return {
    losses: steps.map(({ loss }) => loss),
    norms: steps.map(({ gradientNorm }) => gradientNorm),
    steps,
    output: keys.output,
  };
}

function expectClose(got: readonly number[], wanted: readonly number[], relative: number): void {
  expect(got.length).toBe(wanted.length);
  for (const [i, value] of got.entries())
    expect(Math.abs(value - (wanted[i] as number)), `${i}: ${value} and ${wanted[i]}`).toBeLessThanOrEqual(
      relative * Math.abs(wanted[i] as number),
    );
}

/** The largest difference of any weight, relative to the tensor's largest. */
function weightDifference(a: string, b: string): number {
  using one = openCheckpoint(a);
  using two = openCheckpoint(b);
  let largest = 0;
  for (const name of one.names()) {
    using x = one.get(name);
    using y = two.get(name);
    using difference = x.sub(y);
    const [size, of] = [difference, x].map((t) => Math.max(...t.toNumbers().map(Math.abs)));
    if ((size as number) / Math.max(of as number, 1e-30) > 1e-5) console.log(name, size, of, x.shape);
    largest = Math.max(largest, (size as number) / Math.max(of as number, 1e-30));
  }
  return largest;
}

/** All of them with `npm run test:ranks`, else two for each case. */
function divisions(nth: number): readonly (readonly [number, RecipeKeys["sharding"]])[] {
  if (process.env.REDIFF_RANKS !== "all")
    return [
      [2, nth % 2 === 0 ? "none" : "optimizer"],
      [4, "full"],
    ];
  return [2, 3, 4].flatMap((size) => (["none", "optimizer", "full"] as const).map((how) => [size, how] as const));
}

const accumulation = process.env.REDIFF_RANKS === "all" ? 12 : 4;

const cases: [string, Record<string, unknown>][] = [
  ["LLaDA-V's objective", { objective: "llada_v" }],
  ["ReDiff's objective, weighted by rows", { accumulation_weighting: "row" }],
  // At 1e-3 it diverges, and rounding with it.
  ["low-rank adapters", { lora: { rank: 2 }, accumulation_weighting: "sample", learning_rate: 1e-4 }],
  [
    "low-rank adapters beside the projector, all recordings kept",
    { lora: { rank: 2 }, checkpointing: "none", learning_rate: 1e-4 },
  ],
  ["the projector alone, with an average", { mm_tunable_parts: "mm_mlp_adapter", ema: { decay: 0.5 } }],
  // At 1e-3 it diverges too: weights agree to 2e-7 then, norms of gradients to 1e-5.
  [
    "an average of all, and a learning rate for each part",
    { ema: { decay: 0.5 }, learning_rate: 1e-4, mm_projector_lr: 3e-4, mm_vision_tower_lr: 2e-5 },
  ],
];

describe.each(cases.map(([name, values], nth) => ({ name, values, nth })))("$name", ({ values, nth }) => {
  test("gives the same losses and weights on several ranks as on one", { timeout: 600_000 }, async () => {
    const before = memory().tensors;
    const alone = await run(1, recipe(values));
    for (const [size, sharding] of divisions(nth)) {
      const together = await run(size, recipe({ ...values, sharding }));
      expectClose(together.losses, alone.losses, 1e-6);
      // Sums in another order; where a toy's gradients grow to hundreds, their norm shows it first, most with AVX-512.
      expectClose(together.norms, alone.norms, 1e-4);
      expect(together.steps.map(({ samples, rows, tokens }) => [samples, rows, tokens])).toEqual(
        alone.steps.map(({ samples, rows, tokens }) => [samples, rows, tokens]),
      );
      expect(weightDifference(together.output, alone.output)).toBeLessThan(1e-5);
      expect(readdirSync(together.output).filter((name) => name.startsWith("."))).toEqual([]);
    }
    expect(memory().tensors).toBe(before);
  });
});

test("a run goes on with other numbers of ranks: 1, 2, 4, 3, 1", { timeout: 600_000 }, async () => {
  const values = { ...{ gradient_accumulation_steps: 12, batch_size: 1, max_steps: 5, ema: { decay: 0.5 } } };
  const whole = await run(1, recipe(values));
  const keys = recipe({ ...values, save: { every: 1, keep: 1 } });
  const losses: number[] = [];
  for (const [size, sharding] of [
    [1, "none"],
    [2, "optimizer"],
    [4, "full"],
    [3, "full"],
  ] as const) {
    const part = await run(size, { ...keys, sharding }, { save: false, stop: true });
    expect(part.losses).toHaveLength(1);
    losses.push(...part.losses);
  }
  losses.push(...(await run(1, keys)).losses);
  expectClose(losses, whole.losses, 1e-6);
  expect(weightDifference(keys.output, whole.output)).toBeLessThan(1e-5);
});

test.for(["optimizer", "full"] as const)(
  "16-bit weights, masters and adapters go through a checkpoint of sharding %s",
  { timeout: 600_000 },
  async (sharding) => {
    const values = { dtype: "bfloat16", lora: { rank: 2 }, max_steps: 3, sharding };
    const whole = await run(2, recipe(values));
    const keys = recipe(values);
    const first = await run(2, keys, { save: false, stop: true });
    expect(readdirSync(join(keys.output, "checkpoint-1")).filter((name) => /^(optimizer|weights)/.test(name))).toEqual([
      "optimizer-00000-of-00002.safetensors",
      "optimizer-00001-of-00002.safetensors",
    ]);
    const rest = await run(2, keys);
    expect([...first.losses, ...rest.losses]).toEqual(whole.losses);
    expect(weightDifference(keys.output, whole.output)).toBe(0);
    expect(existsSync(join(keys.output, "adapter", "adapter_model.safetensors"))).toBe(true);
  },
);

test("held-out samples are divided too, and their loss is the same", { timeout: 600_000 }, async () => {
  const values = { evaluate: { data, every: 2 }, max_steps: 2, gradient_accumulation_steps: 2 };
  const losses: number[] = [];
  const onEvaluation = ({ loss }: { loss: number }) => void losses.push(loss);
  await train(recipe(values), { onEvaluation });
  const keys = { ...recipe({ ...values, sharding: "full" }), gradient_accumulation_steps: 1 };
  await valuesOnRanks(2, (ranks) => train(keys, { onEvaluation, ranks }));
  expectClose(losses.slice(1), losses.slice(0, 1), 1e-6);
});

test("full sharding sends each weight twice and each gradient once, whatever a step accumulates", {
  timeout: 600_000,
}, async () => {
  const size = 4;
  const { steps, output } = await run(size, recipe({ sharding: "full", max_steps: 1, gradient_accumulation_steps: 8 }));
  using weights = openCheckpoint(output);
  let [forth, back, gradients] = [0, 0, 0];
  for (const name of weights.names()) {
    using weight = weights.get(name);
    const [table, head] = ["model.embed_tokens.weight", "lm_head.weight"].map((one) => one === name);
    const isLast = /^model\.(layers\.1\.|norm\.)/.test(name); // of two blocks; its recording is kept
    forth += weight.numel;
    if (!table && !head && !isLast) back += weight.numel;
    if (!table) gradients += weight.numel;
  }
  const theory = ((4 * (size - 1)) / size) * (forth + back + gradients);
  const sent = steps[0]?.processes?.sentBytes ?? 0;
  // The table's rows are counted by their tokens.
  expect(sent / theory).toBeGreaterThan(0.99);
  expect(sent / theory).toBeLessThan(1.05);
});

describe("what goes wrong", () => {
  test("on one rank is told by it, and named by the others", { timeout: 120_000 }, async () => {
    const keys = recipe({ gradient_accumulation_steps: 1 });
    const abort = new AbortController();
    abort.abort(new Error("the disk is on fire"));
    const results = await onRanks(
      3,
      (ranks) => train(keys, { ranks, ...(ranks.rank === 2 && { signal: abort.signal }) }),
      { timeoutMs: 8_000, graceMs: 5_000 },
    );
    const reasons = results.map((result) => (result.status === "rejected" ? String(result.reason.message) : "fine"));
    expect(reasons).toEqual([
      "rank 2 of 3 failed: the disk is on fire",
      "rank 2 of 3 failed: the disk is on fire",
      "the disk is on fire",
    ]);
    expect(existsSync(join(keys.output, ".lock"))).toBe(false);
  });

  test("sharding with one process, and other batches on resuming, are refused", { timeout: 120_000 }, async () => {
    await expect(train(recipe({ sharding: "optimizer" }))).rejects.toThrow(
      "sharding is optimizer, and this process is alone",
    );
    const keys = recipe({ max_steps: 3, gradient_accumulation_steps: 2 });
    await run(1, keys, { save: false, stop: true });
    const results = await onRanks(2, (ranks) => train(keys, { ranks }), { timeoutMs: 8_000 });
    for (const result of results)
      expect(result.status === "rejected" && String(result.reason.message)).toMatch(
        /gradient_accumulation_steps of all processes: was 2 x 1, is 2 x 2 \(1 would be the same batch\)/,
      );
  });
});
