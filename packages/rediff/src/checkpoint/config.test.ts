import { mkdirSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { UserError } from "../errors.js";
import { visionGeometry } from "../models/llava/llava.js";
import { folderOfFile } from "../testing/folders.js";
import { loadConfig, parseConfig, renameOriginalKeys, siglipConfig } from "./config.js";
import { assertMemory, memoryNeed } from "./memory.js";
import { modelShapes } from "./tensor-names.js";

const { at, path: root } = folderOfFile();

/** LLaDA-8B-Instruct under its renamed keys. */
const renamed = {
  architectures: ["LLaDAModelLM"],
  model_type: "llada",
  hidden_size: 4096,
  intermediate_size: 12288,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 32,
  hidden_act: "silu",
  rms_norm_eps: 1e-5,
  rope_theta: 500000,
  rope_scaling: null,
  max_position_embeddings: 16384,
  vocab_size: 126464,
  attention_bias: false,
  tie_word_embeddings: false,
  torch_dtype: "bfloat16",
  bos_token_id: 128000,
};

const multimodal = {
  ...renamed,
  model_type: "llava_llada",
  mm_vision_tower: "google/siglip2-so400m-patch14-384",
  mm_hidden_size: 1152,
  mm_projector_type: "mlp2x_gelu",
  mm_patch_merge_type: "spatial_unpad",
  image_aspect_ratio: "anyres_max_4",
  image_grid_pinpoints: [
    [384, 384],
    [384, 768],
  ],
  mm_newline_position: "grid",
  tokenizer_model_max_length: 8192,
  tokenizer_padding_side: "right",
};

const complaint = (raw: unknown, vision?: unknown): string => {
  try {
    parseConfig(raw, vision, "config.json");
  } catch (error) {
    return error instanceof UserError ? error.message : `not a UserError: ${String(error)}`;
  }
  return "no complaint";
};

describe("LLaDA", () => {
  const expected = {
    vocabSize: 126464,
    hiddenSize: 4096,
    intermediateSize: 12288,
    layers: 32,
    heads: 32,
    kvHeads: 32,
    headDim: 128,
    rmsNormEps: 1e-5,
    ropeTheta: 500000,
    ropeScaling: undefined,
    maxPositions: 16384,
  };

  test("under the renamed keys", () => {
    const config = parseConfig(renamed, undefined, "config.json");
    expect(config.llada).toEqual(expected);
    expect(config).toMatchObject({ modelType: "llada", multimodal: undefined, torchDtype: "bfloat16" });
    expect(config.raw).toEqual(renamed);
  });

  test("under its own keys", () => {
    const original = {
      model_type: "llada",
      d_model: 4096,
      n_heads: 32,
      n_kv_heads: 8,
      n_layers: 32,
      mlp_hidden_size: 12288,
      embedding_size: 126464,
      vocab_size: 126349, // rows of the embedding count
      max_sequence_length: 4096,
      rms_norm_eps: 1e-5,
      rope_theta: 500000,
    };
    expect(parseConfig(original, undefined, "c").llada).toEqual({ ...expected, kvHeads: 8, maxPositions: 4096 });
    expect(renameOriginalKeys(original)).not.toHaveProperty("d_model");
    expect(renameOriginalKeys(renamed)).toBe(renamed);
  });

  test("null is not set", () => {
    const original = { model_type: "llada", d_model: 64, n_heads: 4, n_kv_heads: null, n_layers: 2 };
    const sizes = { mlp_hidden_size: 128, embedding_size: null, vocab_size: 416, rope_scaling: null };
    const config = parseConfig({ ...original, ...sizes, rope_theta: null }, undefined, "c");
    expect(config.llada).toMatchObject({ kvHeads: 4, vocabSize: 416, ropeTheta: 500000, ropeScaling: undefined });
    expect(renameOriginalKeys({ ...original, ...sizes })).not.toHaveProperty("n_kv_heads");
    expect(parseConfig({ ...renamed, num_key_value_heads: null }, undefined, "c").llada.kvHeads).toBe(32);
    expect(parseConfig({ ...renamed, hidden_size: 4096 }, undefined, "c").raw).toHaveProperty("rope_scaling", null);
    expect(() => parseConfig({ ...renamed, hidden_size: null }, undefined, "c")).toThrow(/^c: hidden_size: /);
  });

  test("what may be left out", () => {
    const {
      rms_norm_eps,
      rope_theta,
      rope_scaling,
      num_key_value_heads,
      hidden_act,
      max_position_embeddings,
      ...least
    } = renamed;
    expect(parseConfig(least, undefined, "c").llada).toEqual({ ...expected, maxPositions: 4096 });
  });

  test("scaled rotary positions, under either key", () => {
    const scaled = (rope_scaling: unknown) =>
      parseConfig({ ...renamed, rope_scaling }, undefined, "c").llada.ropeScaling;
    expect(scaled({ type: "linear", factor: 2 })).toEqual({ type: "linear", factor: 2 });
    expect(scaled({ rope_type: "dynamic", factor: 4 })).toEqual({ type: "dynamic", factor: 4 });
  });

  test.each<[Record<string, unknown>, RegExp]>([
    [
      { model_type: "qwen2_vl", architectures: ["Qwen2VLForConditionalGeneration"] },
      /^config.json: model_type is "qwen2_vl" \(Qwen2VLForConditionalGeneration\): this is another architecture; LLaDA, LLaDA-V and ReDiff run here, "llada" and "llava_llada"$/,
    ],
    [{ model_type: "siglip_vision_model" }, /this is a vision tower and no language model/],
    [{ model_type: undefined, error: "Entry not found" }, /this is a server's message \("Entry not found"\)/],
    [{ model_type: undefined, _class_name: "UNet2DConditionModel" }, /a part of a diffusers pipeline/],
    [{ model_type: undefined }, /model_type is undefined/],
    [{ hidden_size: "4096" }, /^config.json: hidden_size: .*number/],
    [{ num_hidden_layers: 0 }, /num_hidden_layers/],
    [{ vocab_size: undefined }, /vocab_size/],
    [{ hidden_size: 4097 }, /hidden_size 4097 is not a multiple of 32 heads/],
    [{ num_key_value_heads: 5 }, /32 heads cannot share 5 key-value heads/],
    [{ hidden_size: 96 }, /heads of odd width 3 cannot be rotated/],
    [{ attention_bias: true }, /attention_bias: attention biases are not part of LLaDA/],
    [{ tie_word_embeddings: true }, /tied embeddings are not part of LLaDA/],
    [{ hidden_act: "gelu" }, /hidden_act/],
    [{ rope_scaling: { type: "yarn", factor: 2 } }, /rope_scaling/],
    [{ rope_scaling: { type: "linear", factor: 0.5 } }, /rope_scaling.factor: .*>=1/],
    [
      { rope_scaling: { rope_type: "llama3", factor: 2 } },
      /rope_scaling type "llama3" is unknown; it is "linear" or "dynamic"/,
    ],
    [{ rope_scaling: { type: "linear", factor: 0 } }, /rope_scaling.factor/],
  ])("refuses %j", (changed, message) => {
    expect(complaint({ ...renamed, ...changed })).toMatch(message);
  });

  test.each([null, [], 3, "text"])("refuses %j", (raw) => {
    expect(complaint(raw)).toMatch(/^config.json: the whole file: /);
  });
});

describe("LLaDA-V", () => {
  test("with the published tower where no vision_config says otherwise", () => {
    const config = parseConfig(multimodal, undefined, "c");
    expect(config.modelType).toBe("llava_llada");
    expect(config.multimodal).toEqual({
      vision: {
        hiddenSize: 1152,
        intermediateSize: 4304,
        layers: 27,
        heads: 16,
        imageSize: 384,
        patchSize: 14,
        layerNormEps: 1e-6,
      },
      visionTower: "google/siglip2-so400m-patch14-384",
      projectorType: "mlp2x_gelu",
      patchMergeType: "spatial_unpad",
      imageAspectRatio: "anyres_max_4",
      gridPinpoints: [
        [384, 384],
        [384, 768],
      ],
      newlinePosition: "grid",
      spatialPoolMode: "bilinear",
      tokenizerModelMaxLength: 8192,
      tokenizerPaddingSide: "right",
    });
  });

  test("defaults are the reference's", () => {
    expect(parseConfig({ ...renamed, model_type: "llava_llada" }, undefined, "c").multimodal).toMatchObject({
      projectorType: "linear",
      patchMergeType: "flat",
      imageAspectRatio: "square",
      gridPinpoints: undefined,
      newlinePosition: "one_token",
      tokenizerModelMaxLength: undefined,
    });
  });

  test("the tower's shape: vision_config inside goes before the file beside it", () => {
    const beside = { hidden_size: 64, num_attention_heads: 4 };
    const inside = { hidden_size: 32, num_attention_heads: 2 };
    const width = (raw: object, vision?: unknown) =>
      parseConfig({ ...raw, mm_hidden_size: undefined }, vision, "c").multimodal?.vision.hiddenSize;
    expect(width(multimodal, beside)).toBe(64);
    expect(width({ ...multimodal, vision_config: inside }, beside)).toBe(32);
  });

  test.each<[Record<string, unknown>, RegExp]>([
    [{ mm_hidden_size: 1024 }, /mm_hidden_size is 1024 but the vision tower is 1152 wide/],
    [{ mm_newline_position: "everywhere" }, /mm_newline_position/],
    [{ mm_spatial_pool_mode: "median" }, /mm_spatial_pool_mode/],
    [{ image_grid_pinpoints: [[384]] }, /image_grid_pinpoints/],
    [{ tokenizer_padding_side: "middle" }, /tokenizer_padding_side/],
    [{ vision_config: { num_attention_heads: 7 } }, /vision hidden_size 1152 is not a multiple of 7 heads/],
    [{ vision_config: { hidden_act: "gelu" } }, /hidden_act/],
  ])("refuses %j", (changed, message) => {
    expect(complaint({ ...multimodal, ...changed })).toMatch(message);
  });

  test("an empty object is so400m/14 at 384", () => {
    expect(siglipConfig({}, "c")).toEqual(parseConfig(multimodal, undefined, "c").multimodal?.vision);
  });
});

describe("a folder", () => {
  test("without config.json, with one that is cut off, with one beside it for the tower", async () => {
    await expect(loadConfig(root)).rejects.toThrow(/has no config.json/);
    writeFileSync(at("model_index.json"), "{}");
    await expect(loadConfig(root)).rejects.toThrow(/has no config.json, but model_index.json, which is of another/);
    mkdirSync(at("checkpoint-5"));
    writeFileSync(at("checkpoint-5", "config.json"), "{}");
    await expect(loadConfig(root)).rejects.toMatchObject({ hint: `Did you mean ${at("checkpoint-5")}?` });
    writeFileSync(at("config.json"), '{"model_type": "lla');
    await expect(loadConfig(root)).rejects.toThrow(/config.json is not valid JSON/);
    writeFileSync(at("config.json"), JSON.stringify({ ...multimodal, mm_hidden_size: 64 }));
    writeFileSync(at("vision_config.json"), JSON.stringify({ hidden_size: 64, num_attention_heads: 4 }));
    expect((await loadConfig(root)).multimodal?.vision.hiddenSize).toBe(64);
    writeFileSync(at("vision_config.json"), "no");
    await expect(loadConfig(root)).rejects.toThrow(/vision_config.json is not valid JSON/);
  });
});

describe("numbers that no model has are refused by name, before anything is made of them", () => {
  test.each<[string, Record<string, unknown>, RegExp]>([
    ["layers", { num_hidden_layers: 1e9 }, /config\.json: num_hidden_layers: 1000000000 is too many; at most 4096/],
    ["tokens", { vocab_size: 1e12 }, /vocab_size: 1000000000000 is too many; at most 16777216/],
    ["width", { hidden_size: 2 ** 30 }, /hidden_size: 1073741824 is too many/],
    ["feed-forward", { intermediate_size: 1e9 }, /intermediate_size: 1000000000 is too many/],
    ["heads", { num_attention_heads: 0 }, /num_attention_heads: /],
    ["half a layer", { num_hidden_layers: 1.5 }, /num_hidden_layers: /],
    ["layers below 0", { num_hidden_layers: -1 }, /num_hidden_layers: /],
    ["positions", { max_position_embeddings: 2 ** 40 }, /max_position_embeddings: 1099511627776 is too many/],
    ["a stretch of positions", { rope_scaling: { type: "linear", factor: 1e300 } }, /rope_scaling\.factor: /],
    ["an answer", { rediff: { gen_length: 1e12 } }, /rediff\.gen_length: 1000000000000 is too many/],
    ["a rule that is none", { rediff: { rule: "best" } }, /rediff\.rule: /],
    ["a threshold that is none", { rediff: { edit_threshold: 2 } }, /rediff\.edit_threshold: /],
    ["pixels of a tile", { vision_config: { image_size: 1e6, hidden_size: 1152 } }, /image_size: 1000000 is too many/],
    [
      "a patch larger than its tile",
      { vision_config: { patch_size: 400 } },
      /patches of 400 pixels do not fit tiles of 384/,
    ],
    ["layers of the tower", { vision_config: { num_hidden_layers: 1e9 } }, /num_hidden_layers: 1000000000 is too many/],
  ])("%s", (_, change, message) => {
    expect(complaint({ ...multimodal, ...change })).toMatch(message);
  });

  test.each<[string, Record<string, unknown>, RegExp]>([
    [
      "layers of the projector",
      { mm_projector_type: "mlp1000000000x_gelu" },
      /mm_projector_type "mlp1000000000x_gelu" is unknown/,
    ],
    [
      "a range of a million million tiles",
      { image_grid_pinpoints: "(1x1),...,(1000000x1000000)" },
      /at most 1024 pairs/,
    ],
    ["two thousand grids", { image_grid_pinpoints: Array(2000).fill([384, 384]) }, /holds 2000 pairs; at most 1024/],
    [
      "a grid of a hundred thousand tiles",
      { image_grid_pinpoints: [[384 * 100_000, 384]] },
      /at most 1024 tiles of 384x384/,
    ],
  ])("%s", (_, change, message) => {
    const config = parseConfig({ ...multimodal, ...change }, undefined, "config.json");
    expect(() => {
      modelShapes(config);
      if (config.multimodal !== undefined) visionGeometry(config.multimodal);
    }).toThrow(message);
  });

  test.each([
    ["model_type", { model_type: "x".repeat(1 << 20) }],
    ["architectures", { model_type: "x", architectures: Array(10_000).fill("LlamaForCausalLM") }],
    ["rope_scaling", { rope_scaling: { rope_type: "x".repeat(1 << 20), factor: 2 } }],
  ])("a megabyte in %s is told in a line", (_, change) => {
    expect(complaint({ ...renamed, ...change }).length).toBeLessThan(800);
  });

  test("the largest that are read fit every estimate", () => {
    const most = { num_hidden_layers: 4096, vocab_size: 2 ** 24, hidden_size: 2 ** 18, intermediate_size: 2 ** 20 };
    const config = parseConfig({ ...renamed, ...most }, undefined, "config.json");
    const { weights, activations } = memoryNeed(config, modelShapes(config), "float64");
    expect(Number.isFinite(weights) && Number.isFinite(activations)).toBe(true);
    const need = memoryNeed(config, modelShapes(config), "float32");
    expect(() => assertMemory({ folder: "m", need, dtype: "float32", mapped: 0, smaller: [] }, "cpu")).toThrow(
      /m needs about \d+\.\d GiB in float32/,
    );
  });
});

describe("a model's JSON", () => {
  test.each([
    ["of 17 MB", `{"a":"${"x".repeat(17 << 20)}"}`, /config\.json: is .* large; a model's JSON has at most/],
    ["with a tab in what is broken", '{"a":\t\u0001', /config\.json is not valid JSON: \P{Cc}*$/u],
    ["of a million brackets", "[".repeat(1_000_000), /nested more than 100 deep at character 100/],
  ])("%s is refused", async (_, text, message) => {
    mkdirSync(at("large"), { recursive: true });
    writeFileSync(at("large", "config.json"), text);
    await expect(loadConfig(at("large"))).rejects.toThrow(message);
  });
});
