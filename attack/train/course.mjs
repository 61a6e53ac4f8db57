// Small trainings: a model of two thousand weights a layer, records, a recipe; a step takes milliseconds.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { png } from "../files.mjs";

const dist = join(import.meta.dirname, "../../packages/rediff/dist");

/** A compiled module of rediff. @param {string} path */
export const moduleOf = (path) => import(pathToFileURL(join(dist, path)).href);

export const STEPS = 16;
export const SAVE_EVERY = 2;

/**
 * What the recipes of a battery differ in.
 * @type {Readonly<Record<string, readonly string[]>>}
 */
export const COURSES = {
  "language and projector": ["mm_tunable_parts=mm_mlp_adapter,mm_language_model", "batch_size=2"],
  "everything, with pictures, in bfloat16, averaged": [
    "dtype=bfloat16",
    "gradient_accumulation_steps=2",
    "ema={decay: 0.9}",
    "objective=rediff",
  ],
  "low-rank adapters": ["lora={rank: 4}", "mm_tunable_parts=mm_mlp_adapter,mm_language_model", "token_budget=200"],
};

/** Folders and files of one battery. @typedef {Awaited<ReturnType<typeof setUp>>} Course */

/** @param {string} folder that is made and filled */
export async function setUp(folder) {
  mkdirSync(join(folder, "pictures"), { recursive: true });
  const { writeTinyModel } = await moduleOf("testing/tiny-model.js");
  writeTinyModel(join(folder, "model"), { layers: 1 });
  for (let i = 0; i < 3; i++) writeFileSync(join(folder, `pictures/${i}.png`), png(30 + 9 * i, 40));
  const data = join(folder, "records.jsonl");
  writeRecords(data);
  const recipe = join(folder, "recipe.yaml");
  const keys = {
    model: join(folder, "model"),
    data,
    image_folder: join(folder, "pictures"),
    dtype: "float32",
    device: "cpu",
    workers: 1,
    epochs: 100,
    max_steps: STEPS,
    learning_rate: 1e-3,
    save: { every: SAVE_EVERY, keep: 2 },
  };
  writeFileSync(recipe, JSON.stringify(keys, undefined, 1));
  return { folder, recipe, data };
}

/** @param {string} file @param {(i: number) => number} [words] of the answer */
export function writeRecords(file, words = (i) => i % 7) {
  const records = Array.from({ length: 24 }, (_, i) => {
    const picture = i % 4 === 3 ? { image: `${i % 3}.png` } : {};
    const question = `${"image" in picture ? "<image>\n" : ""}Number ${i}?`;
    const answer = `It is ${"very ".repeat(words(i))}small.`;
    const conversations = [
      { from: "human", value: question },
      { from: "gpt", value: answer },
    ];
    return JSON.stringify({ id: i, ...picture, conversations });
  });
  writeFileSync(file, `${records.join("\n")}\n`);
}
