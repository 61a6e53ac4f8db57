import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { memory, openCheckpoint, setThreads } from "@rediff/torch";
import sharp from "sharp";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { loadModel } from "../../inference/vision-language-model.js";
import { folderOfFile } from "../../testing/folders.js";
import { writeTinyModel, writeTinySiglip } from "../../testing/tiny-model.js";
import { listCheckpoints, readState } from "../checkpoint/training-checkpoint.js";
import type { RecipeKeys } from "../recipe/recipe.js";
import { parseRecipe } from "../recipe/recipe-file.js";
import { defaultDtype } from "./default-dtype.js";
import type { RunRequests } from "./run-parts.js";
import type { EvaluationReport, RunFacts, StepReport } from "./run-report.js";
import { type TrainOptions, train } from "./trainer.js";

const { at, path: folder } = folderOfFile();
let model: string;
let data: string;

beforeAll(async () => {
  setThreads(1); // the models are tiny, and other tests run beside
  model = writeTinyModel(at("model"));
  data = at("train.jsonl");
  const lines: string[] = [];
  for (let i = 0; i < 8; i++) {
    const name = `p${i}.png`;
    await sharp({
      create: { width: 28, height: 28 + i, channels: 3, background: { r: 30 * i, g: 80, b: 200 - 20 * i } },
    })
      .png()
      .toFile(at(name));
    const question = { from: "human", value: i % 4 === 3 ? "How many?" : "<image>\nDescribe." };
    const answer = { from: "gpt", value: `Picture number ${i} is blue and ${"very ".repeat(i % 3)}flat.` };
    lines.push(JSON.stringify({ id: `s${i}`, ...(i % 4 !== 3 && { image: name }), conversations: [question, answer] }));
  }
  writeFileSync(data, `${lines.join("\n")}\n`);
});

let runs = 0;
const output = () => at(`run-${runs++}`);

function recipe(values: Record<string, unknown> = {}): RecipeKeys {
  const keys = {
    model,
    output: output(),
    data,
    image_folder: folder,
    image_grid_pinpoints: "(1x1),...,(2x2)",
    dtype: "float32",
    device: "cpu",
    workers: 0,
    batch_size: 2,
    epochs: 2,
    learning_rate: 1e-3,
    warmup_ratio: 0,
    max_length: 512,
    save: { every: 0, keep: 0 },
    objective: "rediff",
    ...values,
  };
  return parseRecipe(JSON.stringify(keys), "test.yaml");
}

interface Seen {
  steps: StepReport[];
  evaluations: EvaluationReport[];
  checkpoints: number[];
  facts: RunFacts | undefined;
}

async function run(keys: RecipeKeys, options: TrainOptions = {}) {
  const seen: Seen = { steps: [], evaluations: [], checkpoints: [], facts: undefined };
  const result = await train(keys, {
    onStep: (report) => void seen.steps.push(report),
    onEvaluation: (report) => void seen.evaluations.push(report),
    onCheckpoint: (_, step) => void seen.checkpoints.push(step),
    onStart: (facts) => {
      seen.facts = facts;
    },
    ...options,
  });
  return { result, ...seen, losses: seen.steps.map(({ loss }) => loss) };
}

describe("a run", () => {
  test("takes every step, writes a model that can be used, and leaves no tensor behind", async () => {
    const before = memory().tensors;
    const keys = recipe({ gradient_accumulation_steps: 2 });
    const { result, steps, facts } = await run(keys);
    expect(memory().tensors).toBe(before);
    expect(result).toMatchObject({ steps: 4, totalSteps: 4, finished: true, folder: keys.output });
    expect(steps.map(({ step, samples }) => [step, samples])).toEqual([1, 2, 3, 4].map((step) => [step, 4]));
    expect(steps.map(({ epoch }) => epoch)).toEqual([0.5, 1, 1.5, 2]);
    expect(
      steps.every(({ loss, gradientNorm, rows, tokens }) => loss > 0 && gradientNorm > 0 && rows > 0 && tokens > rows),
    ).toBe(true);
    expect(facts).toMatchObject({ totalSteps: 4, firstStep: 0, records: 8, resumedFrom: undefined });
    expect(facts?.trainedParameters).toBeLessThan(facts?.parameters ?? 0);
    expect(existsSync(join(keys.output, "tokenizer.json"))).toBe(true);
    const config = JSON.parse(readFileSync(join(keys.output, "config.json"), "utf8")) as Record<string, unknown>;
    expect(config.image_grid_pinpoints).toHaveLength(4);

    using trained = await loadModel(keys.output);
    const { text } = await trained.describe(at("p0.png"), { genLength: 8, steps: 2 });
    expect(typeof text).toBe("string");
  });

  test("finds weights that are none before it reads the data", async () => {
    const broken = at("pointers");
    cpSync(model, broken, { recursive: true });
    writeFileSync(
      join(broken, "model.safetensors"),
      "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
    );
    const onPreparation = vi.fn();
    await expect(run(recipe({ model: broken }), { onPreparation })).rejects.toThrow(/is a Git LFS pointer/);
    expect(onPreparation).not.toHaveBeenCalled();
  });

  test("says which weights beside its model's it does not read", async () => {
    const stray = at("stray");
    cpSync(model, stray, { recursive: true });
    writeFileSync(join(stray, "pytorch_model.bin"), "");
    const notes: string[] = [];
    await run(recipe({ model: stray, max_steps: 1 }), { onNote: (line) => void notes.push(line) });
    expect(notes).toContain("not read: pytorch_model.bin (model.safetensors is)");
  });

  test("takes the machine's dtype where the recipe names none, says so, and leaves it in the checkpoint", async () => {
    const notes: string[] = [];
    const keys = recipe({ dtype: null, max_steps: 1 });
    const { facts } = await run(keys, { onNote: (line) => void notes.push(line) });
    const { dtype } = defaultDtype("cpu");
    expect(facts?.dtype).toBe(dtype);
    expect(notes[0]).toMatch(new RegExp(`^dtype ${dtype}: `));
    expect(readState(keys.output).recipe.dtype).toBe(dtype);
    expect((await run(keys)).result).toMatchObject({ finished: true, loss: undefined });
    const other = { ...keys, dtype: dtype === "float32" ? "bfloat16" : "float32" } as const;
    await expect(run(other)).rejects.toThrow(/holds the model of another recipe \(dtype: was /);
  });

  test("the losses are the same whatever the number of threads", async () => {
    const here = await run(recipe());
    const threads = await run(recipe({ workers: 2 }));
    expect(threads.losses).toEqual(here.losses);
  });

  test("drives the loss down", async () => {
    const { losses } = await run(recipe({ max_steps: 40, objective: "llada_v", learning_rate: 3e-3, batch_size: 4 }));
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(mean(losses.slice(-10))).toBeLessThan(0.6 * mean(losses.slice(0, 10)));
  });

  test("the first update of a warm-up has rate 0 and changes nothing", async () => {
    const keys = recipe({ max_steps: 1, warmup_ratio: 1 });
    const { steps } = await run(keys);
    expect(steps[0]?.learningRate).toBe(0);
    using before = openCheckpoint(model);
    using after = openCheckpoint(keys.output);
    for (const name of before.names()) {
      using a = before.get(name);
      using b = after.get(name);
      expect(b.equal(a), name).toBe(true);
    }
  });
});

describe("a run that is cut", () => {
  test.each([
    ["float32", {}],
    [
      "bfloat16 with master weights, an average, and accumulation",
      { dtype: "bfloat16", ema: { decay: 0.9 }, gradient_accumulation_steps: 2 },
    ],
    ["low-rank adapters", { lora: { rank: 2, alpha: 4 } }],
    [
      "the projector alone",
      { mm_tunable_parts: "mm_mlp_adapter", save: { every: 2, keep: 0, adapter_only: true }, objective: "llada_v" },
    ],
  ])("goes on with the same losses: %s", async (_, values) => {
    const settings = { epochs: 3, save: { every: 2, keep: 0 }, ...values };
    const whole = await run(recipe(settings));
    const keys = recipe(settings);
    const requests: RunRequests = { save: false, stop: false };
    const first = await run(keys, {
      requests,
      onStep: ({ step }) => {
        requests.stop = step === 3;
      },
    });
    expect(first.result).toMatchObject({ steps: 3, finished: false, folder: join(keys.output, "checkpoint-3") });
    const second = await run(keys);
    expect(second.facts).toMatchObject({ firstStep: 3, resumedFrom: join(keys.output, "checkpoint-3") });
    expect(second.losses).toEqual(whole.losses.slice(3));
    expect(second.result.finished).toBe(true);

    using a = openCheckpoint(whole.result.folder);
    using b = openCheckpoint(keys.output);
    expect(b.names()).toEqual(a.names());
    for (const name of a.names()) {
      using one = a.get(name);
      using other = b.get(name);
      expect(other.equal(one), name).toBe(true);
    }
  });

  test("a checkpoint is a model that can be used", async () => {
    const keys = recipe({ max_steps: 1, save: { every: 1, keep: 1 } });
    const { checkpoints } = await run(keys);
    expect(checkpoints).toEqual([1]);
    using trained = await loadModel(join(keys.output, "checkpoint-1"));
    expect(trained).toBeDefined();
  });

  test("keeps the newest checkpoints only", async () => {
    const keys = recipe({ max_steps: 5, save: { every: 1, keep: 2 } });
    await run(keys);
    expect(listCheckpoints(keys.output).map(({ step }) => step)).toEqual([4, 5]);
  });

  test("a finished run that is started again has nothing to do", async () => {
    const keys = recipe({ max_steps: 1 });
    await run(keys);
    const again = await run(keys);
    expect(again.steps).toEqual([]);
    expect(again.result).toMatchObject({ steps: 1, finished: true });
  });
});

describe("refuses", () => {
  test("to go on with another recipe", async () => {
    const keys = recipe({ max_steps: 2, save: { every: 1, keep: 0 } });
    const requests: RunRequests = { save: false, stop: true };
    await run(keys, { requests });
    const changed = { ...keys, learning_rate: 5e-4, seed: 7 };
    await expect(run(changed)).rejects.toThrow(
      /checkpoint-1 was made with another recipe \(learning_rate: was 0.001, is 0.0005; seed: was 42, is 7\)/,
    );
    await expect(run(keys, { resume: "never" })).rejects.toThrow("has checkpoints of an earlier run");
  });

  test("to go on over other data under the same name, unless that is meant", async () => {
    const file = at("mine.jsonl");
    const lines = readFileSync(data, "utf8").trim().split("\n");
    writeFileSync(file, `${lines.join("\n")}\n`);
    const keys = recipe({ data: file, max_steps: 2, save: { every: 1, keep: 0 } });
    await run(keys, { requests: { save: false, stop: true } });

    writeFileSync(file, `${lines.reverse().join("\n")}\n`);
    await expect(run(keys)).rejects.toThrow(
      /^the data has changed since .*checkpoint-1 \(.*mine\.jsonl: its content has changed\)$/,
    );
    const notes: string[] = [];
    const { result } = await run(keys, { acceptChangedData: true, onNote: (line) => void notes.push(line) });
    expect(result).toMatchObject({ steps: 2, finished: true });
    expect(notes).toContainEqual(expect.stringMatching(/has changed since .*; going on over what is there now$/));
  });

  test("to call a run finished that had other data, unless that is accepted or the data is gone", async () => {
    const file = at("finished.jsonl");
    const text = readFileSync(data, "utf8");
    writeFileSync(file, text);
    const keys = recipe({ data: file, max_steps: 1 });
    await run(keys);
    writeFileSync(file, `${text}${text.split("\n")[0]}\n`);
    await expect(run(keys)).rejects.toThrow(
      /^the data has changed since .* was trained \(.*finished\.jsonl: was \d+ bytes, is \d+\)$/,
    );
    const notes: string[] = [];
    const { result } = await run(keys, { acceptChangedData: true, onNote: (line) => void notes.push(line) });
    expect(result).toMatchObject({ finished: true });
    expect(notes).toEqual([expect.stringMatching(/was trained .*; it stays as it is$/)]);
    rmSync(file);
    expect((await run(keys)).result).toMatchObject({ finished: true });
  });

  test("nothing for want of a word on the data: a checkpoint of an earlier version is gone on with, and that is said", async () => {
    const keys = recipe({ max_steps: 2, save: { every: 1, keep: 0 } });
    await run(keys, { requests: { save: false, stop: true } });
    const file = join(keys.output, "checkpoint-1", "training.json");
    const { data: _, ...state } = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
    writeFileSync(file, JSON.stringify(state));
    const notes: string[] = [];
    await run(keys, { onNote: (line) => void notes.push(line) });
    expect(notes).toContainEqual(expect.stringContaining("does not say which data it was made with"));
  });

  test("to write over a model that it did not make", async () => {
    await expect(run(recipe({ output: model }))).rejects.toThrow("holds a model that this run did not make");
  });

  test("a loss that is not finite: nothing is updated or saved, the samples are named", async () => {
    const keys = recipe({ max_steps: 8, learning_rate: 1e30, max_grad_norm: 0, save: { every: 1, keep: 0 } });
    const failing = run(keys);
    await expect(failing).rejects.toThrow(
      /step \d+: .*(loss is|gradients of).*samples: .*train\.jsonl:\d+ \(id "s\d"\)/,
    );
    const last = listCheckpoints(keys.output).at(-1);
    using checkpoint = openCheckpoint(last?.folder ?? "");
    using head = checkpoint.get("lm_head.weight");
    expect(head.isfinite().all().item()).toBe(1);
  });

  test("an empty data set, a missing file, a text-only model without a vision tower", async () => {
    const empty = at("empty.jsonl");
    writeFileSync(empty, "");
    await expect(run(recipe({ data: empty }))).rejects.toThrow("no records");
    await expect(run(recipe({ data: at("nowhere.json") }))).rejects.toThrow(/nowhere\.json/);
    const textOnly = writeTinyModel(at("text-only"), { textOnly: true });
    await expect(run(recipe({ model: textOnly }))).rejects.toThrow("is a text-only LLaDA, and mm_tunable_parts names");
  });
});

describe("the chain of stages", () => {
  test("a text-only LLaDA gets a vision tower: pretraining of the projector, then the whole model with a new newline vector", async () => {
    const llada = writeTinyModel(at("llada"), { textOnly: true, naming: "original" });
    const siglip = writeTinySiglip(at("siglip"));
    const plain = {
      template: "llada_plain",
      image_aspect_ratio: "square",
      image_grid_pinpoints: null,
      mm_patch_merge_type: "flat",
      mm_tunable_parts: "mm_mlp_adapter",
      objective: "llada_v",
      max_steps: 2,
    };
    const pictures = at("pictures.jsonl");
    const lines = readFileSync(data, "utf8").split("\n");
    writeFileSync(pictures, lines.filter((line) => line.includes('"image"')).join("\n"));
    const pretrain = recipe({ ...plain, data: pictures, model: llada, vision_tower: siglip });
    await run(pretrain);
    using projector = openCheckpoint(join(pretrain.output, "mm_projector.safetensors"));
    expect(projector.names()).toContain("model.mm_projector.0.weight");

    const tuned = recipe({ model: pretrain.output, max_steps: 2 });
    await run(tuned);
    using checkpoint = openCheckpoint(tuned.output);
    expect(checkpoint.has("model.image_newline")).toBe(true);
  });
});

test("goes on where its model is gone, also with what reads the tokenizer only at the end", async () => {
  const start = at("gone-later");
  cpSync(model, start, { recursive: true });
  const evaluate = { data, every: 100, limit: 2 };
  const keys = recipe({ model: start, max_steps: 4, workers: 1, save: { every: 1, keep: 1 }, evaluate });
  await run(keys, { requests: { save: false, stop: true } });
  rmSync(start, { recursive: true });
  const { evaluations, result, facts } = await run(keys);
  expect(facts?.resumedFrom).toBe(join(keys.output, "checkpoint-1"));
  expect([result.finished, evaluations.map(({ step }) => step)]).toEqual([true, [4]]);
  expect(listCheckpoints(keys.output).map(({ step }) => step)).toEqual([4]);
});

test("evaluates held-out samples with the same corruption every time", async () => {
  const keys = recipe({ max_steps: 4, learning_rate: 0, evaluate: { data, every: 2, limit: 5 } });
  const { evaluations } = await run(keys);
  expect(evaluations.map(({ step, samples }) => [step, samples])).toEqual([
    [2, 6],
    [4, 6],
  ]);
  expect(evaluations[1]?.loss).toBe(evaluations[0]?.loss);
});
