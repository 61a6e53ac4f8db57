import { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  type Checkpoint,
  inferenceMode,
  memory,
  openCheckpoint,
  saveCheckpoint,
  saveSafetensors,
  scope,
  type Tensor,
  zeros,
} from "@rediff/torch";
import { beforeEach, describe, expect, test } from "vitest";
import type { DecodeResult } from "../../diffusion/decode-step.js";
import { decode } from "../../diffusion/decoder.js";
import { idTensor } from "../../models/ids.js";
import { embed, hiddenStates, logits } from "../../models/llada/llada.js";
import { Rotary } from "../../models/llada/rotary.js";
import { promptEmbeddings } from "../../models/llava/assembly.js";
import type { Model } from "../../models/llava/llava.js";
import { folderOfEachTest } from "../../testing/folders.js";
import {
  type TinyModelOptions,
  type TinySiglipOptions,
  writeTinyModel,
  writeTinySiglip,
} from "../../testing/tiny-model.js";
import type { Visual } from "../../vision/tiles/tiles.js";
import { loadModelFolder } from "../load-model.js";
import { originalName, TOWER_PREFIX } from "../tensor-names.js";
import { type AssembleOptions, assembleLladaV } from "./assemble-llada-v.js";
import { freshProjector } from "./starting-projector.js";

const testdata = (name: string) => fileURLToPath(new URL(`testdata/${name}`, import.meta.url));
const python = JSON.parse(readFileSync(testdata("python.json"), "utf8")) as {
  seed: number;
  bfloat16: Record<string, number[]>;
  fresh: Record<string, number[]>;
};

const scratch = folderOfEachTest();
const { at } = scratch;
let output: string;

beforeEach(() => {
  output = at("output");
});

const llada = (options: TinyModelOptions = {}) =>
  writeTinyModel(at("llada"), { textOnly: true, naming: "original", kvHeads: 2, ...options });
const siglip = (options: TinySiglipOptions = {}) => writeTinySiglip(at("siglip2"), options);

const assemble = (options: Partial<AssembleOptions> = {}) =>
  assembleLladaV(at("llada"), output, { vision: at("siglip2"), ...options });

const config = () => JSON.parse(readFileSync(join(output, "config.json"), "utf8"));

/** float64, which holds every value of the smaller types exactly. */
function numbers(checkpoint: Checkpoint, name: string): number[] {
  return scope(() => checkpoint.get(name).flatten().to({ dtype: "float64" }).toNumbers());
}

/** A picture of noise as a view and one tile. */
function picture(side: number): Visual {
  const pixels = new Uint8Array(2 * 3 * side * side).map((_, i) => (i * 7919) % 251);
  return { kind: "picture", pixels, tiles: 2, tileSize: side, imageSize: { width: side, height: side } };
}

function answer(model: Model, side: number): number[] {
  return inferenceMode(() => {
    using prompt = promptEmbeddings(model, [-200, ...model.tokenizer.encode("What is it?")], [picture(side)]);
    const run = decode(model, prompt, { genLength: 8, steps: 4 });
    let turn = run.next();
    while (!turn.done) turn = run.next();
    return (turn.value as DecodeResult).tokens;
  });
}

function textLogits(model: Model): Tensor {
  return inferenceMode(() =>
    scope(() => {
      const ids = model.tokenizer.encode("What is in the image?");
      const rotary = new Rotary(model.config.llada).tables([ids.map((_, i) => i)], model.dtype, "cpu");
      return logits(
        model.llada,
        hiddenStates(model.llada, embed(model.llada, idTensor([ids].flat(), "cpu")).unsqueeze(0), { rotary }),
      );
    }),
  );
}

describe("assembleLladaV", () => {
  test.each([
    ["original", "full"],
    ["renamed", "vision"],
  ] as const)("LLaDA in the %s naming and a %s SigLIP become a model that loads and runs", async (naming, kind) => {
    llada({ naming });
    siglip({ kind });
    const before = memory().tensors;
    const { tensors, notes } = await assemble();
    expect(memory().tensors).toBe(before);
    expect(tensors).toBe(21 + 5 + 2 * 16 + 2 + 3); // LLaDA, tower of 3 - 1 layers, projector and newline
    expect(notes).toEqual([expect.stringMatching(/fresh from seed 42/), expect.stringMatching(/4096 -> 16384/)]);
    using model = await loadModelFolder(output);
    expect(answer(model, 28)).toHaveLength(8);
  });

  test("LLaDA computes what it did", async () => {
    llada();
    siglip();
    await assemble();
    using plain = await loadModelFolder(at("llada"));
    using assembled = await loadModelFolder(output);
    using expected = textLogits(plain);
    using got = textLogits(assembled);
    expect(got.toNumbers()).toEqual(expected.toNumbers());
  });

  test("weights of both parts keep their bits; text model, head and last layer stay out", async () => {
    llada();
    siglip();
    await assemble();
    using from = openCheckpoint(at("llada"));
    using tower = openCheckpoint(at("siglip2"));
    using to = openCheckpoint(output);
    for (const name of to.names()) {
      if (name.startsWith(TOWER_PREFIX))
        expect(numbers(to, name), name).toEqual(numbers(tower, name.slice(TOWER_PREFIX.length)));
      else if (originalName(name) !== undefined)
        expect(numbers(to, name), name).toEqual(numbers(from, originalName(name)!));
      else expect(name).toMatch(/mm_projector|image_newline/);
    }
    expect(to.names().filter((name) => /text_model|\.head\.|layers\.2\.|logit/.test(name))).toEqual([]);
  });

  test("config.json says all that LLaVA's training code writes", async () => {
    llada();
    siglip({ tileSize: 42, patchSize: 14 });
    await assemble({ visionName: "google/siglip2-tiny" });
    expect(config()).toMatchObject({
      architectures: ["LlavaLLaDAModelLM"],
      model_type: "llava_llada",
      hidden_size: 64,
      num_key_value_heads: 2,
      max_position_embeddings: 16384,
      bos_token_id: 400,
      torch_dtype: "float32",
      mm_vision_tower: "google/siglip2-tiny",
      vision_tower_pretrained: null,
      use_mm_proj: true,
      mm_projector_type: "mlp2x_gelu",
      mm_hidden_size: 32,
      mm_vision_select_layer: -2,
      mm_vision_select_feature: "patch",
      mm_patch_merge_type: "spatial_unpad",
      image_aspect_ratio: "anyres_max_4",
      image_crop_resolution: null,
      image_split_resolution: null,
      tokenizer_padding_side: "right",
      tokenizer_model_max_length: 16384,
      mm_newline_position: "grid",
      add_faster_video: false,
      faster_token_stride: 10,
      mm_spatial_pool_mode: "bilinear",
      mm_spatial_pool_stride: null,
      mm_use_im_start_end: false,
      mm_use_im_patch_token: false,
      use_pos_skipping: false,
      pos_skipping_range: 4096,
      vision_config: { hidden_size: 32, num_hidden_layers: 3, image_size: 42, patch_size: 14, num_attention_heads: 2 },
    });
    const { image_grid_pinpoints: pinpoints } = config();
    expect(pinpoints).toHaveLength(36);
    expect([pinpoints[0], pinpoints[1], pinpoints[6], pinpoints[35]]).toEqual([
      [42, 42],
      [42, 84],
      [84, 42],
      [252, 252],
    ]);
  });

  test("other ways to see: a linear projector, one square view, no newline", async () => {
    llada();
    siglip();
    await assemble({ projector: "linear", aspectRatio: "square", mergeType: "flat", maxPositions: 512 });
    expect(config()).toMatchObject({ image_grid_pinpoints: null, max_position_embeddings: 512 });
    using to = openCheckpoint(output);
    expect(to.names().filter((name) => /mm_projector|newline/.test(name))).toEqual([
      "model.mm_projector.weight",
      "model.mm_projector.bias",
    ]);
    using model = await loadModelFolder(output);
    expect(model.vision?.projector).toHaveLength(1);
  });

  test("a scaling relative to the trained positions keeps them", async () => {
    llada({ config: { rope_scaling: { type: "dynamic", factor: 2 } } });
    siglip();
    await assemble();
    expect(config()).toMatchObject({ max_position_embeddings: 4096, rope_scaling: { type: "dynamic", factor: 2 } });
  });

  test.each([
    [undefined, "bfloat16", "bfloat16", "bfloat16"],
    ["keep", "bfloat16", "float32", "bfloat16"],
    ["float32", "float32", "float32", "float32"],
  ] as const)("dtype %s: language %s, vision %s, projector %s", async (dtype, language, vision, projector) => {
    llada({ dtype: "bfloat16" });
    siglip();
    await assemble({ dtype });
    using to = openCheckpoint(output);
    expect(to.info("lm_head.weight").dtype).toBe(language);
    expect(to.info(`${TOWER_PREFIX}vision_model.post_layernorm.bias`).dtype).toBe(vision);
    expect(to.info("model.mm_projector.0.weight").dtype).toBe(projector);
    expect(config().torch_dtype).toBe(language);
    using tower = openCheckpoint(at("siglip2"));
    const name = "vision_model.encoder.layers.0.mlp.fc1.weight";
    const expected = scope(() => {
      const stored = tower.get(name).flatten();
      return (vision === "float32" ? stored : stored.to({ dtype: "bfloat16" })).to({ dtype: "float64" }).toNumbers();
    });
    expect(numbers(to, TOWER_PREFIX + name)).toEqual(expected);
  });
});

describe("the projector", () => {
  const shapes = new Map(
    Object.entries({
      "model.mm_projector.0.weight": [6, 4],
      "model.mm_projector.0.bias": [6],
      "model.mm_projector.2.weight": [6, 6],
      "model.mm_projector.2.bias": [6],
      "model.image_newline": [6],
    }),
  );

  // To the last bit on most processors; those without fused multiplication round differently.
  test("is the one that Python makes of the same seed", () => {
    const fresh = freshProjector(shapes, python.seed);
    expect([...fresh.keys()]).toEqual([...shapes.keys()]);
    for (const [name, tensor] of fresh) {
      const wanted = python.fresh[name] ?? [];
      expect(tensor.numel, name).toBe(wanted.length);
      for (const [i, value] of tensor.flatten().toNumbers().entries()) expect(value, name).toBeCloseTo(wanted[i]!, 6);
      tensor.dispose();
    }
  });

  test("depends on the seed and on nothing else", async () => {
    llada();
    siglip();
    const projectors: number[][] = [];
    for (const seed of [1, 1, 2]) {
      await assemble({ seed, force: true });
      using to = openCheckpoint(output);
      projectors.push(numbers(to, "model.mm_projector.2.weight"));
    }
    expect(projectors[1]).toEqual(projectors[0]);
    expect(projectors[2]).not.toEqual(projectors[0]);
  });

  test("comes from the original's mm_projector.bin", async () => {
    llada({ hiddenSize: 6, heads: 1, kvHeads: 1 });
    siglip({ hiddenSize: 4, heads: 1 });
    const { notes } = await assemble({ projectorWeights: testdata("mm_projector.bin") });
    expect(notes[0]).toMatch(/projector mlp2x_gelu from .*mm_projector\.bin/);
    using to = openCheckpoint(output);
    for (const [name, expected] of Object.entries(python.bfloat16)) expect(numbers(to, name)).toEqual(expected);
    expect(to.info("model.image_newline").shape).toEqual([6]);
  });

  test("comes from safetensors, whatever was put before its names", async () => {
    llada();
    siglip();
    const path = at("projector.safetensors");
    scope(() =>
      saveSafetensors(path, {
        "base_model.model.model.mm_projector.0.weight": zeros([64, 32]).add(3),
        "base_model.model.model.mm_projector.0.bias": zeros([64]),
        "base_model.model.model.mm_projector.2.weight": zeros([64, 64]),
        "base_model.model.model.mm_projector.2.bias": zeros([64]),
        "model.image_newline": zeros([64]).add(5),
      }),
    );
    await assemble({ projectorWeights: path });
    using to = openCheckpoint(output);
    expect(new Set(numbers(to, "model.mm_projector.0.weight"))).toEqual(new Set([3]));
    expect(new Set(numbers(to, "model.image_newline"))).toEqual(new Set([5]));
  });

  test("that does not fit is told with all that does not", async () => {
    llada();
    siglip();
    await expect(assemble({ projectorWeights: testdata("mm_projector.bin") })).rejects.toThrow(
      /0\.weight is \[6, 4\], expected \[64, 32\]; .*2\.bias is \[6\], expected \[64\]/,
    );
    await expect(assemble({ projectorWeights: testdata("unusual.bin") })).rejects.toThrow(
      /parameter is not part of it|mm_projector\.0\.weight is missing/,
    );
    await expect(assemble({ projectorWeights: at("absent.bin") })).rejects.toThrow(/absent\.bin/);
    await expect(assemble({ projector: "mlp2x_relu" })).rejects.toThrow(/mm_projector_type "mlp2x_relu" is unknown/);
    expect(readdirSync(scratch.path).sort()).toEqual(["llada", "siglip2"]);
  });
});

describe("parts that do not fit", () => {
  test("a tower that is none, or of a flexible size", async () => {
    llada();
    siglip({ config: { model_type: "siglip2" } });
    await expect(assemble()).rejects.toThrow(/model_type is "siglip2", expected that of a SigLIP/);
    siglip({ config: { model_type: "clip" } });
    await expect(assemble()).rejects.toThrow(/model_type is "clip"/);
    await expect(assemble({ vision: at("nowhere") })).rejects.toThrow(/nowhere has no config\.json/);
  });

  test("a config.json without sizes stands for SigLIP base, as in transformers", async () => {
    llada();
    siglip({ config: { vision_config: { model_type: "siglip_vision_model" } } });
    await expect(assemble()).rejects.toThrow(/\[32, 3, 14, 14\] in the file, \[768, 3, 16, 16\] expected/);
  });

  test("tensors that are missing, unknown, or those of another tower", async () => {
    llada();
    const folder = siglip();
    {
      using checkpoint = openCheckpoint(folder);
      const kept = checkpoint.names().filter((name) => !name.endsWith("layers.1.mlp.fc2.bias"));
      const entries = kept.map((name) => [name, checkpoint.get(name).clone()] as const);
      saveCheckpoint(folder, [...entries, ["vision_model.embeddings.class_embedding", zeros([32])] as const]);
    }
    await expect(assemble()).rejects.toThrow(/1 missing: .*layers\.1\.mlp\.fc2\.bias; 1 unexpected: .*class_embedding/);
    expect(readdirSync(scratch.path).sort()).toEqual(["llada", "siglip2"]);
  });

  test("a LLaDA without tokenizer, or one that sees already", async () => {
    siglip();
    const folder = llada();
    const kept = at("tokenizer.json");
    copyFileSync(join(folder, "tokenizer.json"), kept);
    rmSync(join(folder, "tokenizer.json"));
    await expect(assemble()).rejects.toThrow(/llada has no tokenizer\.json/);
    writeTinyModel(folder);
    await expect(assemble()).rejects.toThrow(/is a LLaDA-V already/);
  });

  test("modes that nobody knows, before anything is written", async () => {
    llada();
    siglip();
    await expect(assemble({ aspectRatio: "highres" })).rejects.toThrow(/image_aspect_ratio is "highres"/);
    await expect(assemble({ mergeType: "spatial_pad" })).rejects.toThrow(/mm_patch_merge_type is "spatial_pad"/);
    writeFileSync(output, "");
    await expect(assemble()).rejects.toThrow(/cannot be used as a folder/);
  });
});
