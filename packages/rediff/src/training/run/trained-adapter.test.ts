/** What a run with low-rank adapters leaves in OUTPUT/adapter is the trained model, given its base. */
import { readFileSync, writeFileSync } from "node:fs";
import { Generator, openCheckpoint, SafetensorsFile, setThreads } from "@rediff/torch";
import sharp from "sharp";
import { beforeAll, expect, test } from "vitest";
import { loadModelFolder } from "../../checkpoint/load-model.js";
import type { TrainingSample } from "../../data/samples/sample.js";
import { folderOfFile } from "../../testing/folders.js";
import { writeTinyModel, writeTinySiglip } from "../../testing/tiny-model.js";
import { loadAdapters, withAdapters } from "../backward/lora.js";
import { evaluateStep } from "../backward/micro-batch.js";
import { namedTensors, type TrainableModel, trainable } from "../backward/parameters.js";
import { ourTraining } from "../backward/training-rules.js";
import { parseRecipe } from "../recipe/recipe-file.js";
import { train } from "./trainer.js";

const { at, path: folder } = folderOfFile();
let data: string;

beforeAll(async () => {
  setThreads(1); // the models are tiny, and other tests run beside
  writeTinyModel(at("model"));
  writeTinyModel(at("text"), { textOnly: true });
  writeTinySiglip(at("siglip"));
  data = at("train.jsonl");
  await sharp({ create: { width: 28, height: 28, channels: 3, background: "teal" } })
    .png()
    .toFile(at("a.png"));
  const turns = [
    { from: "human", value: "<image>\nDescribe." },
    { from: "gpt", value: "A flat picture." },
  ];
  const lines = [0, 1, 2, 3].map((id) => JSON.stringify({ id, image: "a.png", conversations: turns }));
  writeFileSync(data, lines.join("\n"));
});

let runs = 0;
async function trained(values: Record<string, unknown>): Promise<string> {
  const output = at(`run-${runs++}`);
  const keys = {
    model: at("model"),
    output,
    data,
    image_folder: folder,
    image_grid_pinpoints: "(1x1),...,(2x2)",
    dtype: "float32",
    device: "cpu",
    workers: 0,
    batch_size: 2,
    max_length: 512,
    learning_rate: 1e-2,
    warmup_ratio: 0,
    schedule: "constant",
    save: { every: 0 },
    lora: { rank: 2, alpha: 8 },
    ...values,
  };
  await train(parseRecipe(JSON.stringify(keys), "test.yaml"));
  return output;
}

async function expectSameModel(adapter: string, whole: string): Promise<void> {
  using checkpoint = openCheckpoint(whole);
  using model = await loadModelFolder(adapter);
  for (const { name, tensor } of namedTensors(model)) {
    using wanted = checkpoint.get(name);
    expect(tensor.equal(wanted), name).toBe(true);
  }
  const config = (path: string) => JSON.parse(readFileSync(`${path}/config.json`, "utf8")) as unknown;
  expect(config(adapter)).toEqual(config(whole));
}

const keysOf = (adapter: string): string[] => {
  using file = SafetensorsFile.open(`${adapter}/adapter_model.safetensors`);
  return file.names();
};
const configOf = (adapter: string) =>
  JSON.parse(readFileSync(`${adapter}/adapter_config.json`, "utf8")) as Record<string, unknown>;

test("the language model's corrections alone", async () => {
  const output = await trained({ mm_tunable_parts: "mm_language_model" });
  expect(keysOf(`${output}/adapter`).every((name) => /\.lora_[AB]\.weight$/.test(name))).toBe(true);
  expect(configOf(`${output}/adapter`)).toMatchObject({ base_model_name_or_path: at("model"), modules_to_save: null });
  await expectSameModel(`${output}/adapter`, output);
});

test("with a projector and a tower that were trained as a whole", async () => {
  const output = await trained({});
  expect(keysOf(`${output}/adapter`)).toContain("base_model.model.model.mm_projector.2.bias");
  expect(configOf(`${output}/adapter`).modules_to_save).toEqual(["mm_projector", "vision_tower"]);
  await expectSameModel(`${output}/adapter`, output);
});

test("with a projector that the base did not have", async () => {
  const output = await trained({
    model: at("text"),
    vision_tower: at("siglip"),
    mm_tunable_parts: "mm_language_model",
  });
  expect(keysOf(`${output}/adapter`)).toContain("base_model.model.model.image_newline");
  await expectSameModel(`${output}/adapter`, output);
});

test("a run can start from an adapter, and its own adapter corrects that", async () => {
  const first = await trained({ mm_tunable_parts: "mm_language_model,mm_mlp_adapter" });
  const whole = await trained({ model: `${first}/adapter`, lora: null });
  using _ = await loadModelFolder(whole);
  const second = await trained({ model: `${first}/adapter`, mm_tunable_parts: "mm_language_model" });
  await expectSameModel(`${second}/adapter`, second);
  await expect(trained({ model: `${first}/adapter`, base: at("nowhere") })).rejects.toThrow(/there is no folder/);
});

test("merged, it computes what training computed with the corrections beside the weights", async () => {
  const output = await trained({ mm_tunable_parts: "mm_language_model", lora: { rank: 2, alpha: 200 } });
  const ids = Array.from({ length: 20 }, (_, i) => 40 + i * 7);
  const sample: TrainingSample = {
    ids,
    labels: ids.map((id, i) => (i < 8 ? -100 : id)),
    revise: ids.map(() => false),
    visuals: [],
    modality: "text",
    source: { file: "test", index: 0 },
  };
  const loss = (tuned: TrainableModel): number => {
    using draws = new Generator(3);
    const options = { rules: ourTraining, checkpointing: "none", gradientScale: 1, maxLength: 100 } as const;
    const fixed = { objective: "llada_v", lossWeighting: "code", conversationMask: false, maskRange: [1, 1] } as const;
    return evaluateStep(tuned, [sample], { ...options, ...fixed, draws }).loss;
  };
  const parts = ["mm_language_model"] as const;
  using base = await loadModelFolder(at("model"));
  using adapted = await loadModelFolder(`${output}/adapter`);
  const untouched = loss(trainable(base, parts));
  using tuned = withAdapters(trainable(base, parts), await loadAdapters(base, `${output}/adapter`));
  const beside = loss(tuned);
  const merged = loss(trainable(adapted, parts));
  expect(merged).toBeCloseTo(beside, 4);
  expect(Math.abs(merged - untouched)).toBeGreaterThan(1e-2);
});
