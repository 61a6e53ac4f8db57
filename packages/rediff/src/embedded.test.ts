/** The embedded model does what its card says, on scenes drawn here and now. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { setThreads } from "@rediff/torch";
import { afterAll, beforeAll, expect, test } from "vitest";
import { scoreRefining } from "./demo/asked/refine-figures.js";
import { EMBEDDED_NOTE, embeddedModelFolder } from "./embedded.js";
import { describeMany } from "./inference/describe-many.js";
import { loadModel, type VisionLanguageModel } from "./inference/vision-language-model.js";
import { type ErrorKind, usualErrors } from "./scenes/language/planted-error.js";
import { writeCorrupted } from "./scenes/records/derive-records.js";
import { generateScenes } from "./scenes/records/generate-scenes.js";
import { readScenes, type Scene } from "./scenes/records/scene-records.js";
import { evaluate, scoreCaption } from "./scenes/scoring/score.js";
import { makeWorld } from "./scenes/world/world.js";
import { rediff } from "./testing/command-line.js";
import { folderOfFile } from "./testing/folders.js";

const { at, path: folder } = folderOfFile();
const scenes: Scene[] = [];
let model: VisionLanguageModel;

beforeAll(async () => {
  setThreads(1);
  const world = makeWorld("demo");
  await generateScenes({ folder, count: 24, seed: 777, style: "train", split: "train", size: 96, world });
  for await (const scene of readScenes(at("scenes.jsonl"))) scenes.push(scene);
  model = await loadModel();
});
afterAll(() => {
  model?.[Symbol.dispose]();
});

test("is small enough to be committed", () => {
  expect(statSync(join(embeddedModelFolder(), "model.safetensors")).size).toBeLessThan(16e6);
});

test("describes scenes that it was not trained on", async () => {
  const tallies = [];
  const pictures = scenes.map(({ record }) => [at(record.image)]);
  for await (const result of describeMany(model, pictures, { batch: 24 })) {
    if (!result.ok) throw result.error;
    tallies.push(scoreCaption(result.description.text, (scenes[result.index] as Scene).facts));
  }
  const scores = evaluate(tallies);
  expect(scores.coverage).toBeGreaterThan(0.8);
  expect(scores.precision).toBeGreaterThan(0.8);
});

test("mends planted errors, and leaves right captions alone", async () => {
  const truth = at("scenes.jsonl");
  const repairs = async (kinds: readonly (ErrorKind | "none")[]) => {
    const output = at(`${kinds[0]}.jsonl`);
    await writeCorrupted({ truth, output, seed: 1, kinds });
    const drafts: Scene[] = [];
    for await (const scene of readScenes(output)) drafts.push(scene);
    return await scoreRefining(model, drafts, { folder, kept: at(`refined-${kinds[0]}.json`) });
  };
  expect((await repairs(usualErrors)).repaired).toBeGreaterThan(0.65);
  expect((await repairs(["none"])).falseEdits).toBeLessThan(0.15);
});

test("answers where no model is named, and says so", async () => {
  const picture = at(scenes[0]?.record.image ?? "");
  const { status, stdout, stderr } = await rediff(["caption", picture, "--json"]);
  expect([status, stderr]).toEqual([0, `rediff: ${EMBEDDED_NOTE}\n`]);
  expect(JSON.parse(stdout)).toMatchObject({ image: picture, text: expect.stringMatching(/\w+ \w+/) });
});
