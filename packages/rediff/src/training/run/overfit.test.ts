/** Every stage, from its own recipe file, learns five photographs by heart: the model then says what it was taught.
 *  Models and pictures are tiny; files and the code on the way are the real ones.
 *
 *  Processors round differently, and a hundred updates make another model of that. So a stage trains until its model is
 *  sure of what it was taught (`SURE`), and never for a number of steps that happened to suffice somewhere. */
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { setThreads } from "@rediff/torch";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { scratch, writeLines } from "../../data/testing/record-files.js";
import type { DecodeStep } from "../../diffusion/decode-step.js";
import { answerOne } from "../../inference/answer-one.js";
import { resolveDescribe, resolveRefine } from "../../inference/resolve.js";
import { loadModel, type VisionLanguageModel } from "../../inference/vision-language-model.js";
import { writeTinyModel, writeTinySiglip } from "../../testing/tiny-model.js";
import { loadTokenizer } from "../../text/tokenizer.js";
import { readRecipe } from "../recipe/recipe-file.js";
import type { StepReport } from "./run-report.js";
import { train } from "./trainer.js";

const { path, remove } = scratch();
afterAll(remove);

const repository = (name: string) => fileURLToPath(new URL(`../../../../../${name}`, import.meta.url));

/** All captions and drafts have as many tokens, so that no sample is padded: where rows behind the end are seen in
 *  training and missing afterwards, the model is asked another question than it was taught to answer. */
const TOKENS = 9;

const CAPTIONS: Record<string, string> = {
  "astronaut.jpg": "A woman and a flag.",
  "camera.jpg": "A man on the lawn.",
  "cat.jpg": "A red cat rests.",
  "coffee.jpg": "A full cup.",
  "rocket.jpg": "A white rocket.",
};

/** Drafts with one wrong word. */
const WRONG: Record<string, { wrong: string; org: string; target: string }> = {
  "astronaut.jpg": { wrong: "A dog and a flag.", org: "dog", target: "woman" },
  "camera.jpg": { wrong: "A dog on the lawn.", org: "dog", target: "man" },
  "cat.jpg": { wrong: "A white cat rests.", org: "white", target: "red" },
};

const turns = (question: string, answer: string) => [
  { from: "human", value: question },
  { from: "gpt", value: answer },
];
const QUESTION = "What is it?";
/** How the samples ask. */
const question = { prompt: QUESTION, imageJoin: "correct" } as const;
/** Room for a caption and its end. */
const asked = { ...question, genLength: TOKENS + 1 };

const common = [
  `image_folder=${path("photos")}`,
  "image_folder_2=null",
  "dtype=float32",
  "device=cpu",
  "workers=0",
  "batch_size=16",
  "gradient_accumulation_steps=1",
  "max_length=256",
  "drop_last=false",
  "mm_vision_tower_lr=null",
  "save.every=0",
  "logging.tensorboard=false",
  "warmup_ratio=0.05",
  // Captions are written from masks alone, and a weight of 1 / p is no outlier then.
  "mask_range=[0.4,1]",
  // A round begins with an optimizer that remembers nothing: the gradients of a model that knows its captions are noise,
  // and are not to be scaled up to full steps.
  "betas=[0.9,0.99]",
  "eps=1e-4",
];
const fast = "learning_rate=3e-3";
const tiles = "image_grid_pinpoints=[[28,28],[28,56],[56,28]]";

/** Runs a recipe; returns the loss, step by step. */
async function stage(name: string, model: string, output: string, overrides: string[]): Promise<number[]> {
  const places = [`model=${path(model)}`, `output=${path(output)}`];
  const recipe = readRecipe(repository(`recipes/${name}.yaml`), [...common, ...places, ...overrides]);
  const losses: number[] = [];
  const result = await train(recipe, { onStep: ({ loss }: StepReport) => void losses.push(loss) });
  expect(result.finished).toBe(true);
  return losses;
}

const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The probability that a model has to give to every token that it was taught: three times that of all others together,
 *  where roundings move it by a millionth. */
const SURE = 0.75;
/** One to three do. */
const ROUNDS = 20;

/** Runs a recipe again and again, each time from the model before, until the model is sure; returns its folder. */
async function learn(
  name: string,
  model: string,
  overrides: string[],
  sureness: (model: VisionLanguageModel) => Promise<number>,
): Promise<string> {
  const reached: number[] = [];
  let folder = model;
  for (let round = 1; round <= ROUNDS; round++) {
    const output = `${name.replace("/", "-")}-${round}`;
    await stage(name, folder, output, overrides);
    using trained = await loadModel(path(output));
    reached.push(await sureness(trained));
    folder = output;
    if ((reached.at(-1) as number) >= SURE) return folder;
  }
  throw new Error(`${name} is not sure of what it was taught after ${ROUNDS} rounds: ${reached.join(", ")}`);
}

/** The least probability that the model gives, in any step, to a token of the right answer where it is asked for one; 0
 *  where another token is likelier. */
async function leastSure(steps: AsyncGenerator<DecodeStep, unknown>, right: readonly number[]): Promise<number> {
  let least = 1;
  for await (const { confidence, guess } of steps) {
    // The rows that were asked for, in order, are those with a confidence.
    const asked = [...confidence.keys()].filter((position) => !Number.isNaN(confidence[position]));
    for (const [i, position] of asked.entries())
      least = Math.min(least, guess.tokens[i] === right[position] ? (confidence[position] as number) : 0);
  }
  return least;
}

/** Of all captions, written from nothing. */
async function sureOfCaptions(vlm: VisionLanguageModel): Promise<number> {
  const { tokenizer } = vlm.model;
  const request = resolveDescribe(vlm.askable, 1, asked);
  let least = 1;
  for (const [name, caption] of Object.entries(CAPTIONS)) {
    const visuals = [await vlm.load(path(`photos/${name}`))];
    const steps = answerOne(vlm.model, "describe", request, visuals, {});
    least = Math.min(least, await leastSure(steps, [...tokenizer.encode(caption), tokenizer.special.eot]));
  }
  return least;
}

/** Of all captions, as repairs of drafts. */
async function sureOfRepairs(vlm: VisionLanguageModel, drafts: Record<string, string>): Promise<number> {
  let least = 1;
  for (const [name, draft] of Object.entries(drafts)) {
    const request = resolveRefine(vlm.askable, 1, draft, question);
    const visuals = [await vlm.load(path(`photos/${name}`))];
    const steps = answerOne(vlm.model, "refine", request, visuals, {});
    least = Math.min(least, await leastSure(steps, vlm.model.tokenizer.encode(CAPTIONS[name] as string)));
  }
  return least;
}

async function captions(folder: string): Promise<Record<string, string>> {
  using model = await loadModel(path(folder));
  const said: Record<string, string> = {};
  for (const name of Object.keys(CAPTIONS)) said[name] = (await model.describe(path(`photos/${name}`), asked)).text;
  return said;
}

beforeAll(async () => {
  setThreads(1);
  writeTinyModel(path("llada"), { textOnly: true, naming: "original" });
  writeTinySiglip(path("siglip"));
  const tokenizer = await loadTokenizer(path("llada"));
  for (const text of [...Object.values(CAPTIONS), ...Object.values(WRONG).map(({ wrong }) => wrong)])
    expect(tokenizer.encode(text), text).toHaveLength(TOKENS);

  mkdirSync(path("photos"));
  // Small, because reading a photograph takes longer than a step with it.
  for (const name of Object.keys(CAPTIONS))
    await sharp(repository(`examples/${name}`))
      .resize(80)
      .toFile(path(`photos/${name}`));
  // Every sample twice in a step, each time with other noise: the same steps learn more.
  const entries = Object.entries(CAPTIONS).flatMap((entry) => [entry, entry]);
  const samples = (question: string, image: boolean) =>
    entries.map(([name, caption]) => ({ ...(image && { image: name }), conversations: turns(question, caption) }));
  writeLines(path("text.jsonl"), samples(QUESTION, false));
  writeLines(path("plain.jsonl"), samples("<image>", true));
  writeLines(path("train.jsonl"), samples(`<image>\n${QUESTION}`, true));
  writeLines(
    path("wrong.jsonl"),
    Object.entries(WRONG).map(([image, { wrong, org, target }]) => ({
      image,
      conversations: turns(`<image>\n${QUESTION}`, wrong),
      revise: [{ org, target }],
    })),
  );
});

let instructed = "";

test("LLaDA-V: from a text-only LLaDA and a SigLIP to captions, through every recipe", {
  timeout: 900_000,
}, async () => {
  // A language model that knows the captions, but not which belongs where: what LLaDA-8B is to the real chain.
  const text = await stage("llada-v/finetune", "llada", "text", [
    `data=${path("text.jsonl")}`,
    "mm_tunable_parts=mm_language_model",
    fast,
    "max_steps=50",
  ]);
  expect(mean(text.slice(-20))).toBeLessThan(0.5 * mean(text.slice(0, 5)));

  const pretrain = await stage("llada-v/pretrain", "text", "pretrain", [
    `data=${path("plain.jsonl")}`,
    `vision_tower=${path("siglip")}`,
    "learning_rate=1e-2",
    "max_steps=50",
  ]);
  // The projector alone cannot teach a tiny language model everything.
  expect(mean(pretrain.slice(-20))).toBeLessThan(0.75 * mean(pretrain.slice(0, 3)));

  const data = `data=${path("train.jsonl")}`;
  instructed = await learn("llada-v/sft-llava-next", "pretrain", [data, tiles, fast, "max_steps=80"], sureOfCaptions);
  expect(await captions(instructed)).toEqual(CAPTIONS);

  // The others at their own rates, which hardly move a tiny model in a few steps.
  let start = instructed;
  for (const name of ["si-10m", "ov-2m", "visualwebinstruct", "mix-ov-vw", "finetune"]) {
    await stage(`llada-v/${name}`, start, name, [data, tiles, "max_steps=3"]);
    start = name;
  }
  using last = await loadModel(path(start));
  expect(await sureOfCaptions(last)).toBeGreaterThan(SURE - 0.1);
  expect(await captions(start)).toEqual(CAPTIONS);
});

test("ReDiff: still knows its captions, and repairs the drafts that it was taught to repair", {
  timeout: 900_000,
}, async () => {
  // Without the division by the probability of masking, which makes some steps' losses large, however good the model.
  const settings = [tiles, fast, "loss_weighting=none", "max_steps=80"];
  const taught = [`data=${path("train.jsonl")}`, ...settings];
  const stage1 = await learn("rediff/stage1", instructed, taught, sureOfCaptions);
  expect(await captions(stage1)).toEqual(CAPTIONS);

  // The wrong phrases alone would leave what the rest of the tokens become to chance, so plain samples go along, and
  // drafts teach the words that are right as well.
  const data = `data=[{json_path: ${path("wrong.jsonl")}}, {json_path: ${path("train.jsonl")}}]`;
  const drafts = Object.fromEntries(Object.entries(WRONG).map(([name, { wrong }]) => [name, wrong]));
  const stage2 = await learn("rediff/stage2", stage1, [data, ...settings, "revise_rows=answer"], (model) =>
    sureOfRepairs(model, drafts),
  );
  using model = await loadModel(path(stage2));
  for (const [name, draft] of Object.entries(drafts)) {
    const { text, edits } = await model.refine(path(`photos/${name}`), draft, question);
    expect([name, text]).toEqual([name, CAPTIONS[name]]);
    expect(edits).toHaveLength(1);
  }
});
