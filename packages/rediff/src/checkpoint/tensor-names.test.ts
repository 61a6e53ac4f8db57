import { describe, expect, test } from "vitest";
import { publishedConfig } from "../testing/published-config.js";
import { parseConfig } from "./config.js";
import { countParameters } from "./memory.js";
import { hasNewline, lladaShapes, modelShapes, originalName, renameOriginal, TOWER_PREFIX } from "./tensor-names.js";

const shapesOf = (changed: object = {}) => modelShapes(parseConfig({ ...publishedConfig, ...changed }, undefined, "c"));

describe("the published model", () => {
  const shapes = shapesOf();

  test("has 717 tensors and 8,434,837,024 parameters", () => {
    expect(shapes.size).toBe(717);
    expect(countParameters(shapes)).toBe(8_434_837_024);
  });

  test("without pictures 291 tensors, 16,031,162,368 bytes in bfloat16", () => {
    const text = shapesOf({ model_type: "llada" });
    expect(text.size).toBe(291);
    expect(2 * countParameters(text)).toBe(16_031_162_368);
    expect([...text.keys()].every((name) => shapes.has(name))).toBe(true);
  });

  test.each<[string, number[]]>([
    ["model.embed_tokens.weight", [126464, 4096]],
    ["model.layers.31.self_attn.o_proj.weight", [4096, 4096]],
    ["model.layers.0.mlp.down_proj.weight", [4096, 12288]],
    ["model.image_newline", [4096]],
    ["model.mm_projector.0.weight", [4096, 1152]],
    ["model.mm_projector.2.bias", [4096]],
    [`${TOWER_PREFIX}vision_model.embeddings.patch_embedding.weight`, [1152, 3, 14, 14]],
    [`${TOWER_PREFIX}vision_model.embeddings.position_embedding.weight`, [729, 1152]],
    [`${TOWER_PREFIX}vision_model.encoder.layers.25.mlp.fc1.weight`, [4304, 1152]],
    [`${TOWER_PREFIX}vision_model.post_layernorm.bias`, [1152]],
  ])("%s", (name, shape) => {
    expect(shapes.get(name)).toEqual(shape);
  });

  test("lacks the tower's last layer and its head", () => {
    expect([...shapes.keys()].filter((name) => /encoder\.layers\.26|vision_model\.head/.test(name))).toEqual([]);
  });

  test("grouped queries narrow keys and values", () => {
    const grouped = shapesOf({ num_key_value_heads: 8 });
    expect(grouped.get("model.layers.3.self_attn.k_proj.weight")).toEqual([1024, 4096]);
    expect(grouped.get("model.layers.3.self_attn.q_proj.weight")).toEqual([4096, 4096]);
  });

  test("a newline vector belongs to the unpad merge types, a linear projector is one layer", () => {
    const plain = shapesOf({ mm_patch_merge_type: "flat", mm_projector_type: "linear" });
    expect(plain.has("model.image_newline")).toBe(false);
    expect([...plain.keys()].filter((name) => name.includes("mm_projector"))).toEqual([
      "model.mm_projector.weight",
      "model.mm_projector.bias",
    ]);
    const { multimodal } = parseConfig(publishedConfig, undefined, "c");
    expect(multimodal && hasNewline(multimodal)).toBe(true);
  });
});

describe("the two namings of LLaDA", () => {
  const names = [
    ...lladaShapes(parseConfig({ ...publishedConfig, num_hidden_layers: 12 }, undefined, "c").llada).keys(),
  ];

  test("every renamed tensor has an original name, another for each, and back", () => {
    const originals = names.map((name) => originalName(name) ?? "none");
    expect(new Set(originals).size).toBe(names.length);
    expect(originals.map((name) => renameOriginal(name))).toEqual(names);
  });

  test.each([
    ["model.transformer.wte.weight", "model.embed_tokens.weight"],
    ["model.transformer.blocks.11.attn_out.weight", "model.layers.11.self_attn.o_proj.weight"],
    ["model.transformer.blocks.0.ff_proj.weight", "model.layers.0.mlp.gate_proj.weight"],
    ["model.transformer.blocks.0.ff_out.weight", "model.layers.0.mlp.down_proj.weight"],
    ["model.transformer.ff_out.weight", "lm_head.weight"], // the same word outside of the blocks
    ["model.transformer.ln_f.weight", "model.norm.weight"],
  ])("%s", (original, ours) => {
    expect(renameOriginal(original)).toBe(ours);
    expect(originalName(ours)).toBe(original);
  });

  test.each([
    "model.transformer.blocks.0.rotary.weight",
    "model.transformer.blocks.x.q_proj.weight",
    "model.layers.0.self_attn.q_proj.weight",
    "model.transformer.blocks.0.q_proj.bias",
    "",
  ])("%j is no original name", (name) => {
    expect(renameOriginal(name)).toBeUndefined();
  });

  test("tensors of the tower have no original name", () => {
    expect(originalName(`${TOWER_PREFIX}vision_model.encoder.layers.0.mlp.fc1.weight`)).toBeUndefined();
    expect(originalName("model.layers.0.self_attn.rotary_emb.weight")).toBeUndefined();
  });
});
