import { copyFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openCheckpoint } from "@rediff/torch";
import { beforeAll, expect, test } from "vitest";
import { folderOfFile } from "../testing/folders.js";
import { initializeModel } from "./initialize.js";
import { loadModelFolder } from "./load-model.js";

const { at, path: folder } = folderOfFile();

const raw = {
  model_type: "llava_llada",
  vocab_size: 416,
  hidden_size: 64,
  intermediate_size: 128,
  num_hidden_layers: 8,
  num_attention_heads: 4,
  mm_projector_type: "mlp2x_gelu",
  mm_patch_merge_type: "spatial_unpad",
  mm_hidden_size: 32,
  vision_config: {
    hidden_size: 32,
    intermediate_size: 64,
    num_hidden_layers: 3,
    num_attention_heads: 2,
    image_size: 28,
    patch_size: 14,
  },
};

beforeAll(async () => {
  await initializeModel(folder, raw, { seed: 3 });
  const tokenizer = fileURLToPath(new URL("../text/testdata/tokenizer/", import.meta.url));
  for (const name of readdirSync(tokenizer)) copyFileSync(join(tokenizer, name), at(name));
});

test("is a model folder that loads", async () => {
  using model = await loadModelFolder(folder);
  expect(model.llada.weights.blocks).toHaveLength(8);
  expect(model.vision?.tower.weights.layers).toHaveLength(2);
});

test("weights have the deviations that keep an untrained model's activations alike", () => {
  using checkpoint = openCheckpoint(folder);
  const deviation = (name: string) => {
    using tensor = checkpoint.get(name);
    const values = tensor.toNumbers();
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
  };
  expect(deviation("model.embed_tokens.weight")).toBeCloseTo(0.5, 1);
  expect(deviation("model.layers.0.self_attn.q_proj.weight")).toBeCloseTo(1 / 8, 2);
  expect(deviation("model.layers.7.self_attn.o_proj.weight")).toBeCloseTo(1 / 8 / 4, 2);
  expect(deviation("lm_head.weight")).toBeCloseTo(1 / 8, 2);
  const tower = "model.vision_tower.vision_tower.vision_model.encoder.layers.0";
  expect(deviation(`${tower}.mlp.fc2.weight`)).toBeCloseTo(1 / 8 / 2, 2);
  expect(deviation(`${tower}.mlp.fc2.bias`)).toBe(0);
  using norm = checkpoint.get("model.norm.weight");
  expect(norm.toNumbers().every((value) => value === 1)).toBe(true);
});
