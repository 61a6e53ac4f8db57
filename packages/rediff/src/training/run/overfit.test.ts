/** Every stage, from its own recipe file, learns eight photographs by heart: the loss goes to nearly nothing and the
 *  model then says what it was taught. Models are tiny; pictures, files and the code on the way are the real ones. */
import { copyFileSync, mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { setThreads } from "@rediff/torch";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { scratch, writeLines } from "../../data/testing/record-files.js";
import { loadModel } from "../../inference/vision-language-model.js";
import { writeTinyModel, writeTinySiglip } from "../../testing/tiny-model.js";
import { readRecipe } from "../recipe/recipe-file.js";
import type { StepReport } from "./run-report.js";
import { train } from "./trainer.js";

const { path, remove } = scratch();
afterAll(remove);

const repository = (name: string) => fileURLToPath(new URL(`../../../../../${name}`, import.meta.url));
const photos = ["astronaut", "camera", "cat", "coffee", "hubble", "rocket"].map((name) => `${name}.jpg`);

const CAPTIONS: Record<string, string> = {
  "astronaut.jpg": "A woman in a suit.",
  "camera.jpg": "A man at a camera.",
  "cat.jpg": "The face of a cat.",
  "coffee.jpg": "A cup of coffee.",
  "hubble.jpg": "Many far stars.",
  "rocket.jpg": "A rocket at night.",
  "helmet.jpg": "A white helmet.",
  "spoon.jpg": "A spoon.",
};

/** Drafts with one wrong word, as many tokens as the right one. */
const WRONG: Record<string, { wrong: string; right: string; org: string; target: string }> = {
  "astronaut.jpg": { wrong: "A dog in a suit.", right: "A woman in a suit.", org: "dog", target: "woman" },
  "camera.jpg": { wrong: "A dog at a camera.", right: "A man at a camera.", org: "dog", target: "man" },
  "helmet.jpg": { wrong: "A red helmet.", right: "A white helmet.", org: "red", target: "white" },
};

const turns = (question: string, answer: string) => [
  { from: "human", value: question },
  { from: "gpt", value: answer },
];
const QUESTION = "<image>\nWhat is it?";

const common = [
  `image_folder=${path("photos")}`,
  "image_folder_2=null",
  "dtype=float32",
  "device=cpu",
  "workers=0",
  "batch_size=8",
  "gradient_accumulation_steps=1",
  "max_length=256",
  "drop_last=false",
  "mm_vision_tower_lr=null",
  "save.every=0",
  "logging.tensorboard=false",
  "warmup_ratio=0.05",
];
const fast = "learning_rate=3e-3";
const tiles = "image_grid_pinpoints=[[28,28],[28,56],[56,28]]";

const from = (model: string, data: string, output: string) => [
  `model=${path(model)}`,
  `data=${path(data)}`,
  `output=${path(output)}`,
];

/** Runs a recipe; returns the loss of one term, step by step. */
async function stage(name: string, overrides: string[], term: "masked" | "revised" = "masked"): Promise<number[]> {
  const recipe = readRecipe(repository(`recipes/${name}.yaml`), [...common, ...overrides]);
  const losses: number[] = [];
  const result = await train(recipe, { onStep: ({ terms }: StepReport) => void losses.push(terms[term] ?? 0) });
  expect(result.finished).toBe(true);
  return losses;
}

const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

async function captions(folder: string, options = {}): Promise<Record<string, string>> {
  using model = await loadModel(path(folder));
  const said: Record<string, string> = {};
  for (const name of Object.keys(CAPTIONS))
    said[name] = (
      await model.describe(path(`photos/${name}`), {
        prompt: "What is it?",
        imageJoin: "correct",
        genLength: 20, // the longest caption and its end: a longer canvas than in training is another question
        ...options,
      })
    ).text;
  return said;
}

beforeAll(async () => {
  setThreads(1);
  mkdirSync(path("photos"));
  for (const name of photos) copyFileSync(repository(`examples/${name}`), path(`photos/${name}`));
  for (const [name, source, left] of [
    ["helmet.jpg", "astronaut.jpg", 300],
    ["spoon.jpg", "coffee.jpg", 250],
  ] as const)
    await sharp(repository(`examples/${source}`))
      .extract({ left, top: 150, width: 200, height: 200 })
      .toFile(path(`photos/${name}`));
  const entries = Object.entries(CAPTIONS);
  writeLines(
    path("plain.jsonl"),
    entries.map(([image, caption]) => ({ image, conversations: turns("<image>", caption) })),
  );
  writeLines(
    path("text.jsonl"),
    entries.map(([, caption]) => ({ conversations: turns("What is it?", caption) })),
  );
  writeLines(
    path("wrong.jsonl"),
    Object.entries(WRONG).map(([image, { wrong, org, target }]) => ({
      image,
      conversations: turns(QUESTION, wrong),
      revise: [{ org, target }],
    })),
  );
  writeLines(
    path("train.jsonl"),
    entries.map(([image, caption]) => ({ image, conversations: turns(QUESTION, caption) })),
  );
});

const end = (losses: number[]) => mean(losses.slice(-10));

test("LLaDA-V: from a text-only LLaDA and a SigLIP to captions, through every recipe", {
  timeout: 600_000,
}, async () => {
  // A language model that knows the captions, but not which belongs where: what LLaDA-8B is to the real chain.
  writeTinyModel(path("llada"), { textOnly: true, naming: "original" });
  writeTinySiglip(path("siglip"));
  await stage("llada-v/finetune", [
    ...from("llada", "text.jsonl", "text"),
    "mm_tunable_parts=mm_language_model",
    "learning_rate=3e-3",
    "max_steps=80",
  ]);

  const pretrain = await stage("llada-v/pretrain", [
    ...from("text", "plain.jsonl", "pretrain"),
    `vision_tower=${path("siglip")}`,
    "learning_rate=1e-2",
    "max_steps=60",
  ]);
  // The projector alone cannot teach a tiny language model everything.
  expect(end(pretrain)).toBeLessThan(0.7 * mean(pretrain.slice(0, 10)));

  const first = await stage("llada-v/sft-llava-next", [
    ...from("pretrain", "train.jsonl", "sft"),
    tiles,
    fast,
    "max_steps=220",
  ]);
  expect(end(first)).toBeLessThan(0.15);
  expect(await captions("sft")).toEqual(CAPTIONS);

  let start = "sft";
  for (const name of ["si-10m", "ov-2m", "visualwebinstruct", "mix-ov-vw", "finetune"]) {
    const losses = await stage(`llada-v/${name}`, [...from(start, "train.jsonl", name), tiles, "max_steps=3"]);
    expect(mean(losses), name).toBeLessThan(0.3);
    start = name;
  }
  expect(await captions("finetune")).toEqual(CAPTIONS);
});

test("ReDiff: still knows its captions, and repairs the drafts that it was taught to repair", {
  timeout: 600_000,
}, async () => {
  // Without the division by the probability of masking, which makes some steps' losses large, however good the model.
  const plain = "loss_weighting=none";
  const stage1 = await stage("rediff/stage1", [
    ...from("sft", "train.jsonl", "stage1"),
    tiles,
    fast,
    plain,
    "max_steps=250",
  ]);
  expect(end(stage1)).toBeLessThan(0.5);
  expect(await captions("stage1")).toEqual(CAPTIONS);

  // The wrong phrases alone would leave what the rest of the tokens become to chance, so plain samples go along.
  const data = `data=[{json_path: ${path("wrong.jsonl")}}, {json_path: ${path("train.jsonl")}}]`;
  const losses = await stage(
    "rediff/stage2",
    [...from("stage1", "", "stage2"), data, tiles, "learning_rate=1e-3", plain, "max_steps=100", "batch_size=11"],
    "revised",
  );
  expect(end(losses)).toBeLessThan(0.2);
  using model = await loadModel(path("stage2"));
  for (const [name, { wrong, right }] of Object.entries(WRONG)) {
    const { text, edits } = await model.refine(path(`photos/${name}`), wrong, {
      prompt: "What is it?",
      imageJoin: "correct",
    });
    expect([name, text]).toEqual([name, right]);
    expect(edits).toHaveLength(1);
  }
});
