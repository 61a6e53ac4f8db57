/** Models in 8 and 4 bits: what is written, that it loads, and what it is refused for. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dequantizeWeight, openCheckpoint, QuantizedWeight, scope, Tensor, widenFloat8 } from "@rediff/torch";
import { beforeEach, describe, expect, test } from "vitest";
import type { TraceStep } from "../../inference/trace-format.js";
import { VisionLanguageModel } from "../../inference/vision-language-model.js";
import { idTensor } from "../../models/ids.js";
import { embed, hiddenStates, logits, unrounded } from "../../models/llada/llada.js";
import { Rotary } from "../../models/llada/rotary.js";
import type { Model } from "../../models/llava/llava.js";
import type { Quantization } from "../../models/quantization.js";
import { pictureFolder } from "../../testing/fixtures.js";
import { folderOfEachTest } from "../../testing/folders.js";
import { expectNoLeaks } from "../../testing/leaks.js";
import { writePeftAdapter } from "../../testing/peft-adapter.js";
import { publishedConfig } from "../../testing/published-config.js";
import { writeTinyModel } from "../../testing/tiny-model.js";
import { planModel } from "../../training/run/starting-model.js";
import { parseConfig } from "../config.js";
import { assembleLladaV } from "../convert/assemble-llada-v.js";
import { mergeAdapter } from "../convert/merge-adapter.js";
import { renameLlada } from "../convert/rename-llada.js";
import { inspectFolder } from "../inspect/inspect-folder.js";
import { inspectionText } from "../inspect/inspection-report.js";
import { type LoadOptions, loadModelFolder as load } from "../load-model.js";
import { memoryNeed } from "../memory.js";
import { modelShapes } from "../tensor-names.js";
import { quantizeModel } from "./quantize-model.js";
import { formatOf, schemeFor } from "./stored-format.js";

const { at } = folderOfEachTest();
beforeEach(expectNoLeaks);

/** Without a word of how slow float8 is here. */
const loadModelFolder = (folder: string, options: LoadOptions = {}) =>
  load(folder, { onWarning: () => {}, ...options });

const UP = "model.layers.1.mlp.up_proj.weight";
const DOWN = "model.layers.1.mlp.down_proj.weight";

/** Logits of a text with masks in it. */
function answerRows({ llada, tokenizer }: Model): number[] {
  const ids = [5, 9, tokenizer.special.mask, 12, tokenizer.special.mask, 40];
  return scope(() => {
    const index = idTensor(ids, "cpu");
    const rows = embed(llada, index.view([1, ids.length]));
    const rotary = new Rotary(llada.config).tables([[...ids.keys()]], rows.dtype, "cpu");
    return logits(llada, hiddenStates(llada, rows, { rotary })).toNumbers();
  });
}

/** ||a - b|| / ||b|| */
const error = (a: readonly number[], b: readonly number[]): number =>
  Math.sqrt(a.reduce((sum, x, i) => sum + (x - (b[i] as number)) ** 2, 0) / b.reduce((sum, x) => sum + x * x, 0));

describe.each([
  ["int8", 0.06, 0.01],
  ["int4", 0.5, 0.12],
  ["float8", 0.25, 0.03],
] as const)("%s", (weights, most, mostOfWeight) => {
  const isFloat8 = weights === "float8";

  test("the blocks' linear weights are rounded, all else is copied to the bit, and it computes nearly the same", async () => {
    writeTinyModel(at("plain"), { maxShardBytes: 100_000 });
    const { notes, output, parameters } = await quantizeModel(at("plain"), at("small"), {
      weights,
      maxShardBytes: 100_000,
    });
    expect([output, notes]).toEqual([
      at("small"),
      [`the blocks' linear layers are ${weights}${isFloat8 ? "" : ", the head int8"}: answers are approximate`],
    ]);
    expect(parameters).toBe((await inspectFolder(at("plain"))).parameters.total);
    using written = openCheckpoint(at("small"));
    using before = openCheckpoint(at("plain"));
    const names = written.names();
    expect(names).toContain(`${UP}.${weights}`);
    expect(names).toContain(`${UP}.scales`);
    expect(names).toContain(`${DOWN}.${isFloat8 ? "float8" : "int8"}`); // one step higher with int4
    expect(names).not.toContain(UP);
    const copied = names.filter((name) => before.has(name));
    expect(names).toContain(isFloat8 ? "lm_head.weight" : "lm_head.weight.int8");
    expect(copied).toContain("model.embed_tokens.weight");
    expect(copied.length).toBeGreaterThan(20);
    scope(() => {
      for (const name of copied) expect(written.get(name).equal(before.get(name)), name).toBe(true);
    });

    using plain = await loadModelFolder(at("plain"));
    using small = await loadModelFolder(at("small"));
    expect([plain.quantization, small.quantization]).toEqual([undefined, weights]);
    const off = error(answerRows(small), answerRows(plain));
    expect(off).toBeLessThan(most);
    expect(off).toBeGreaterThan(0.001);
  });

  test("rounded while it is loaded, it is the same to the bit, in float32 and bfloat16", async () => {
    writeTinyModel(at("plain"));
    await quantizeModel(at("plain"), at("small"), { weights });
    for (const dtype of ["float32", "bfloat16"] as const) {
      using small = await loadModelFolder(at("small"), { dtype });
      using rounded = await loadModelFolder(at("plain"), { dtype, quantize: weights });
      expect(rounded.quantization).toBe(weights);
      expect(answerRows(rounded)).toEqual(answerRows(small));
    }
  });

  test("an adapter is merged first, and then rounded", async () => {
    writeTinyModel(at("plain"));
    writePeftAdapter(at("adapter"), { base: at("plain"), modules: { "model.layers.0.self_attn.q_proj": [64, 64] } });
    using rounded = await loadModelFolder(at("adapter"), { quantize: weights });
    using plain = await loadModelFolder(at("plain"), { quantize: weights });
    using adapted = await loadModelFolder(at("adapter"));
    scope(() => {
      const query = (model: Model) => {
        const weight = model.llada.weights.blocks[0]?.query;
        if (weight === undefined || weight instanceof Tensor) throw new Error("is not rounded");
        return weight instanceof QuantizedWeight ? dequantizeWeight(weight) : widenFloat8(weight);
      };
      const wanted = unrounded(adapted.llada).weights.blocks[0]?.query as Tensor;
      const numbers = (t: Tensor) => t.toNumbers();
      expect(error(numbers(query(rounded)), numbers(wanted))).toBeLessThan(mostOfWeight);
      expect(error(numbers(query(plain)), numbers(wanted))).toBeGreaterThan(0.2);
    });
  });

  test("inspect says what it is, counts the model's parameters, and finds nothing wrong", async () => {
    writeTinyModel(at("plain"));
    await quantizeModel(at("plain"), at("small"), { weights, ...(!isFloat8 && { group: 64 }) });
    const [plain, small] = [await inspectFolder(at("plain")), await inspectFolder(at("small"))];
    expect(small.problems).toEqual([]);
    expect(small.parameters).toEqual(plain.parameters);
    expect(inspectionText(small)).toContain(
      isFloat8
        ? "blocks in float8, a scale for each output; answers are approximate"
        : `blocks in ${weights}, head in int8, groups of 64 inputs, rotated; answers are approximate`,
    );
    expect(small.memory.float32?.weights).toBeLessThan(plain.memory.float32?.weights as number);
  });

  test("answers and traces say so", async () => {
    writeTinyModel(at("plain"));
    using model = new VisionLanguageModel(await loadModelFolder(at("plain"), { quantize: weights }));
    const traces: TraceStep[] = [];
    const options = { genLength: 4, onTrace: (step: TraceStep) => traces.push(step) };
    const { quantization } = await model.describe(join(pictureFolder, "rgba.png"), options);
    expect(quantization).toBe(weights);
    expect(traces[0]?.request?.quantize).toBe(weights);
    expect((await model.fill([], "a [[2]]")).quantization).toBe(weights);
  });
});

test("a model that is not rounded says nothing of it", async () => {
  writeTinyModel(at("plain"));
  using model = new VisionLanguageModel(await loadModelFolder(at("plain")));
  expect(Object.keys(await model.fill([], "a [[2]]"))).not.toContain("quantization");
});

test("the head can be left as it is, as it was in folders of the first version, which are read", async () => {
  writeTinyModel(at("plain"));
  await quantizeModel(at("plain"), at("small"), { weights: "int8" });
  await quantizeModel(at("plain"), at("old"), { weights: "int8", head: false });
  const config = JSON.parse(readFileSync(at("old", "config.json"), "utf8"));
  Object.assign(config.quantization_config, { version: 1 });
  writeFileSync(at("old", "config.json"), JSON.stringify(config));
  expect(inspectionText(await inspectFolder(at("old")))).toContain("blocks in int8, groups of 128");

  using old = await loadModelFolder(at("old"));
  using small = await loadModelFolder(at("small"));
  using plain = await loadModelFolder(at("plain"));
  expect(old.quantization).toBe("int8");
  const heads = [old, plain].map(({ llada }) => llada.weights.head as Tensor);
  expect(heads[0]?.toNumbers()).toEqual(heads[1]?.toNumbers());
  expect(error(answerRows(old), answerRows(small))).toBeGreaterThan(0.001);
});

test("LLaDA's own naming becomes the renamed layout", async () => {
  writeTinyModel(at("plain"), { textOnly: true, naming: "original", dtype: "bfloat16" });
  await quantizeModel(at("plain"), at("small"), { weights: "int8" });
  using plain = await loadModelFolder(at("plain"));
  using small = await loadModelFolder(at("small"));
  expect(error(answerRows(small), answerRows(plain))).toBeLessThan(0.06);
});

test("with int4 the feed-forward's way back is int8, and the ends of a deep model are", () => {
  const format = (layer: number, part: string, layers = 32) =>
    formatOf(`model.layers.${layer}.${part}.weight`, schemeFor("int4"), layers);
  expect([0, 1, 2, 29, 30, 31].map((layer) => format(layer, "self_attn.q_proj"))).toEqual([
    "int8",
    "int8",
    "int4",
    "int4",
    "int8",
    "int8",
  ]);
  expect([format(9, "mlp.down_proj"), format(0, "mlp.gate_proj", 8), format(9, "input_layernorm")]).toEqual([
    "int8",
    "int4",
    undefined,
  ]);
  expect(formatOf("lm_head.weight", schemeFor("int4"), 32)).toBe("int8");
  expect(formatOf("lm_head.weight", { weights: "int4", head: false }, 32)).toBeUndefined();
  expect(formatOf("model.embed_tokens.weight", schemeFor("int8"), 32)).toBeUndefined();
  expect(
    formatOf("model.vision_tower.vision_tower.vision_model.encoder.layers.0.mlp.fc1.weight", schemeFor("int8"), 32),
  ).toBeUndefined();
});

test("an 8B model takes about 9 and 6 GB in place of 17, in float8 10", () => {
  const config = parseConfig(publishedConfig, undefined, "config.json");
  const bytes = (weights?: Quantization) =>
    memoryNeed(config, modelShapes(config), "bfloat16", weights && schemeFor(weights)).weights / 1e9;
  expect(bytes()).toBeCloseTo(16.87, 1);
  expect(bytes("int8")).toBeGreaterThan(9);
  expect(bytes("int8")).toBeLessThan(10.5);
  expect(bytes("int4")).toBeLessThan(8.5);
  // A byte for each weight of the blocks, and 4 for each of their outputs.
  const { hiddenSize: D, intermediateSize: F, layers } = config.llada;
  const [inBlocks, outputs] = [layers * (4 * D * D + 3 * D * F), layers * (5 * D + 2 * F)];
  expect(bytes() - bytes("float8")).toBeCloseTo((inBlocks - 4 * outputs) / 1e9, 6);
  expect(bytes("float8")).toBeCloseTo(9.9, 1);
});

test("what stops in between leaves no folder, and the next run is whole", async () => {
  writeTinyModel(at("plain"));
  const stopping = quantizeModel(at("plain"), at("small"), {
    weights: "int8",
    onProgress: (done) => {
      if (done > 50_000) throw new Error("stopped");
    },
  });
  await expect(stopping).rejects.toThrow("stopped");
  expect([existsSync(at("small")), readdirSync(at()).filter((name) => name !== "plain")]).toEqual([false, []]);
  const told = new AbortController();
  const options = { weights: "int8", onProgress: () => setImmediate(() => told.abort(new Error("told"))) } as const;
  const aborted = quantizeModel(at("plain"), at("small"), { ...options, signal: told.signal });
  await expect(aborted).rejects.toThrow("told");
  expect(readdirSync(at())).toEqual(["plain"]);
  await quantizeModel(at("plain"), at("small"), { weights: "int8" });
  using _ = await loadModelFolder(at("small"));
});

describe("refused, with what to do:", () => {
  beforeEach(async () => {
    writeTinyModel(at("plain"));
    await quantizeModel(at("plain"), at("small"), { weights: "int8" });
  });

  test("rounding twice, and to something else on the way in", async () => {
    await expect(quantizeModel(at("small"), at("again"), { weights: "int4" })).rejects.toThrow(/in int8 already/);
    await expect(loadModelFolder(at("small"), { quantize: "int4" })).rejects.toThrow(/in int8, not in int4/);
    using _ = await loadModelFolder(at("small"), { quantize: "int8" });
  });

  test("training", async () => {
    const recipe = { model: at("small"), save: {} } as Parameters<typeof planModel>[0];
    await expect(planModel(recipe)).rejects.toThrow(/not trained/);
    using model = await loadModelFolder(at("small"));
    expect(() => unrounded(model.llada)).toThrow("not trained");
  });

  test("adapters of it, and as a source", async () => {
    writePeftAdapter(at("adapter"), { base: at("small"), modules: { "model.layers.0.self_attn.q_proj": [64, 64] } });
    await expect(loadModelFolder(at("adapter"))).rejects.toThrow(/cannot be merged/);
    writePeftAdapter(at("other"), { base: at("plain"), modules: { "model.layers.0.self_attn.q_proj": [64, 64] } });
    await expect(quantizeModel(at("other"), at("out"), { weights: "int8" })).rejects.toThrow(/is an adapter/);
    await expect(mergeAdapter(at("adapter"), at("out"))).rejects.toThrow(/has weights in int8, .* cannot be merged/);
    const seen = await inspectFolder(at("adapter"));
    expect(seen.problems).toEqual([expect.stringMatching(/has weights in int8, .* cannot be merged/)]);
  });

  test("conversions, which read weights as they were", async () => {
    writeTinyModel(at("text"), { textOnly: true });
    await quantizeModel(at("text"), at("rounded"), { weights: "int4" });
    await expect(renameLlada(at("rounded"), at("out"))).rejects.toThrow(/rounded has weights in int4/);
    const assembled = assembleLladaV(at("rounded"), at("out"), { vision: at("tower") });
    await expect(assembled).rejects.toThrow(/rounded has weights in int4/);
    expect(existsSync(at("out"))).toBe(false);
  });

  test("float64, and files of another type than config.json says", async () => {
    await expect(loadModelFolder(at("small"), { dtype: "float64" })).rejects.toThrow(/float32 and bfloat16/);
    await expect(loadModelFolder(at("plain"), { dtype: "float16", quantize: "int4" })).rejects.toThrow(
      /not with float16/,
    );
    const edit = (change: (config: Record<string, Record<string, unknown>>) => void) => {
      const config = JSON.parse(readFileSync(at("small", "config.json"), "utf8"));
      change(config);
      writeFileSync(at("small", "config.json"), JSON.stringify(config));
    };
    edit(({ quantization_config: q }) => Object.assign(q as object, { weights: "int4" }));
    await expect(loadModelFolder(at("small"))).rejects.toThrow(/missing: .*int4/);
    expect((await inspectFolder(at("small"))).problems.join()).toContain("missing");
    edit(({ quantization_config: q }) => Object.assign(q as object, { version: 3 }));
    await expect(loadModelFolder(at("small"))).rejects.toThrow(/version/);
    edit((config) => Object.assign(config, { quantization_config: { quant_method: "gptq" } }));
    await expect(loadModelFolder(at("small"))).rejects.toThrow(/quantised by "gptq"/);
  });
});
