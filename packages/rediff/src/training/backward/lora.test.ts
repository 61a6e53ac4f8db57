/** Low-rank adapters: made, merged, saved as PEFT does, read again. */
import { readFileSync, writeFileSync } from "node:fs";
import { Generator, openCheckpoint, scope, tensor } from "@rediff/torch";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { merged } from "../../checkpoint/adapter/merged-weight.js";
import { loadModelFolder } from "../../checkpoint/load-model.js";
import { UserError } from "../../errors.js";
import type { Model } from "../../models/llava/llava.js";
import { folderOfFile } from "../../testing/folders.js";
import { expectNoLeaks } from "../../testing/leaks.js";
import { writeTinyModel } from "../../testing/tiny-model.js";
import {
  createAdapters,
  disposeAdapters,
  type LoraOptions,
  loadAdapters,
  mergeAdapters,
  saveAdapters,
  withAdapters,
} from "./lora.js";
import { namedTensors, trainable } from "./parameters.js";

const python = JSON.parse(readFileSync(new URL("../testdata/python.json", import.meta.url), "utf8")) as {
  lora_start: { seed: number; rank: number; inputs: number; values: number[] };
};

const { at } = folderOfFile();
let model: Model;
beforeAll(async () => {
  writeTinyModel(at("model"), { hiddenSize: 6 * 4, heads: 2, intermediateSize: 32 });
  model = await loadModelFolder(at("model"));
});
afterAll(() => {
  model[Symbol.dispose]();
});

beforeEach(expectNoLeaks);

const LORA: LoraOptions = { rank: 2, alpha: 8, targets: ["q_proj", "down_proj"] };

function make(options: LoraOptions = LORA, seed = 7) {
  using generator = new Generator(seed);
  return createAdapters(model, options, generator);
}

/** Adapters whose B is not zero. */
function trained() {
  const adapters = make();
  using generator = new Generator(3);
  for (const { up } of adapters.values()) up.weight.normal_(0, 0.1, { generator });
  return adapters;
}

describe("createAdapters", () => {
  test("one pair for each target of each block, in the shapes of its weight", () => {
    const adapters = make();
    expect([...adapters.keys()]).toEqual([
      "model.layers.0.self_attn.q_proj.weight",
      "model.layers.0.mlp.down_proj.weight",
      "model.layers.1.self_attn.q_proj.weight",
      "model.layers.1.mlp.down_proj.weight",
    ]);
    const down = adapters.get("model.layers.0.mlp.down_proj.weight")!;
    expect([down.down.weight.shape, down.up.weight.shape, down.scale]).toEqual([[2, 32], [24, 2], 4]);
    expect(down.down.name).toBe("model.layers.0.mlp.down_proj.lora_A.weight");
    disposeAdapters(adapters);
  });

  test("all-linear are the seven of each block", () => {
    const adapters = make({ rank: 1, alpha: 1, targets: "all-linear" });
    expect(adapters.size).toBe(7 * 2);
    disposeAdapters(adapters);
  });

  test("A begins with Python's numbers, B with zeros, so that nothing changes", () => {
    const adapters = make();
    const { down, up, scale } = adapters.get("model.layers.0.self_attn.q_proj.weight")!;
    scope(() => {
      // To the last bit on most processors; those without fused multiplication round differently.
      const numbers = down.weight.flatten().toNumbers();
      expect(numbers).toHaveLength(python.lora_start.values.length);
      for (const [i, value] of numbers.entries()) expect(value).toBeCloseTo(python.lora_start.values[i]!, 6);
      expect(up.weight.abs().sum().item()).toBe(0);
      const weight = namedTensors(model)[2]!.tensor;
      expect(merged(weight, down.weight, up.weight, scale).toNumbers()).toEqual(weight.toNumbers());
    });
    disposeAdapters(adapters);
  });
});

test("merged: W + scale B A, in float32, rounded once", () => {
  scope(() => {
    const weight = tensor(
      [
        [1, 2],
        [3, 4],
      ],
      { dtype: "bfloat16" },
    );
    const down = tensor([[0.001, 1]]);
    const up = tensor([[1], [2]]);
    const exact = [
      [1 + 0.5 * 0.001, 2.5],
      [3 + 0.001, 5],
    ];
    expect(merged(weight, down, up, 0.5).dtype).toBe("bfloat16");
    expect(merged(weight, down, up, 0.5).toNumbers()).toEqual(tensor(exact, { dtype: "bfloat16" }).toNumbers());
    const wide = weight.to({ dtype: "float64" });
    expect(merged(wide, down, up, 0.5).dtype).toBe("float64");
  });
});

test("withAdapters: the language model's own weights are frozen, the other parts are not", () => {
  const adapters = make();
  const base = trainable(model, ["mm_language_model", "mm_mlp_adapter"]);
  const lora = withAdapters(base, adapters);
  expect(lora.parameters.map(({ name }) => name).slice(0, 2)).toEqual([
    "model.layers.0.self_attn.q_proj.lora_A.weight",
    "model.layers.0.self_attn.q_proj.lora_B.weight",
  ]);
  expect(lora.parameters.length).toBe(8 + 4);
  expect(lora.parameters.slice(8).every(({ part }) => part === "projector")).toBe(true);
  expect(lora.adapters).toBe(adapters);
  lora[Symbol.dispose]();
});

describe("files", () => {
  test("what is saved is read", async () => {
    const adapters = trained();
    saveAdapters(at("a"), adapters, { lora: LORA, baseModel: "base" });
    const read = await loadAdapters(model, at("a"));
    expect([...read.keys()]).toEqual([...adapters.keys()]);
    for (const [name, { down, up, scale }] of adapters) {
      expect(read.get(name)!.scale).toBe(scale);
      expect(read.get(name)!.down.weight.toNumbers()).toEqual(down.weight.toNumbers());
      expect(read.get(name)!.up.weight.toNumbers()).toEqual(up.weight.toNumbers());
      expect(read.get(name)!.up.name).toBe(up.name);
    }
    disposeAdapters(adapters);
    disposeAdapters(read);
  });

  test("names and keys are PEFT's", () => {
    const adapters = make();
    saveAdapters(at("b"), adapters, { lora: LORA, baseModel: "base" });
    using file = openCheckpoint(at("b"));
    expect(file.names()).toContain("base_model.model.model.layers.1.mlp.down_proj.lora_B.weight");
    expect(JSON.parse(readFileSync(at("b", "adapter_config.json"), "utf8"))).toMatchObject({
      peft_type: "LORA",
      base_model_name_or_path: "base",
      r: 2,
      lora_alpha: 8,
      target_modules: "model\\.layers\\.\\d+\\.(self_attn|mlp)\\.(q_proj|down_proj)",
    });
    disposeAdapters(adapters);
  });

  test("better values are written instead of the parameters", () => {
    const adapters = make();
    using better = tensor([1, 2, 3]);
    scope(() => {
      const name = "model.layers.0.self_attn.q_proj.lora_B.weight";
      const value = better.sum().expand([24, 2]).contiguous();
      saveAdapters(at("c"), adapters, {
        lora: LORA,
        baseModel: "base",
        weights: (asked) => (asked === name ? value : undefined),
      });
      using file = openCheckpoint(at("c"));
      expect(file.get(`base_model.model.${name}`).toNumbers()).toEqual(Array(48).fill(6));
    });
    disposeAdapters(adapters);
  });

  test("adapters of another model or kind are refused", async () => {
    const adapters = make();
    saveAdapters(at("d"), adapters, { lora: LORA, baseModel: "base" });
    disposeAdapters(adapters);
    writeTinyModel(at("wide"), { hiddenSize: 32 });
    const wide = await loadModelFolder(at("wide"));
    await expect(loadAdapters(wide, at("d"))).rejects.toThrow(
      /q_proj is corrected as \[24, 24\], and it is \[32, 32\]/,
    );
    wide[Symbol.dispose]();
    writeTinyModel(at("short"), { hiddenSize: 24, heads: 2, intermediateSize: 32, layers: 1 });
    const short = await loadModelFolder(at("short"));
    await expect(loadAdapters(short, at("d"))).rejects.toThrow(/layers\.1\.self_attn\.q_proj is no module of it/);
    short[Symbol.dispose]();
    writeFileSync(
      at("d", "adapter_config.json"),
      JSON.stringify({ peft_type: "LORA", r: 2, lora_alpha: 1, use_dora: true }),
    );
    await expect(loadAdapters(model, at("d"))).rejects.toThrow(/use_dora is true: DoRA/);
    await expect(loadAdapters(model, at("absent"))).rejects.toThrow(UserError);
  });
});

test("mergeAdapters changes the adapted weights alone", async () => {
  const adapters = trained();
  const other = await loadModelFolder(at("model"));
  mergeAdapters(other, adapters);
  scope(() => {
    for (const [i, { name, tensor: before }] of namedTensors(model).entries()) {
      const after = namedTensors(other)[i]!.tensor;
      const adapter = adapters.get(name);
      const wanted = adapter ? merged(before, adapter.down.weight, adapter.up.weight, adapter.scale) : before;
      expect(after.toNumbers()).toEqual(wanted.toNumbers());
      if (adapter) expect(after.toNumbers()).not.toEqual(before.toNumbers());
    }
  });
  other[Symbol.dispose]();
  disposeAdapters(adapters);
});
