/** An adapter's folder in place of a model's: its base is found, and its corrections are merged. */
import { copyFileSync, cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, relative } from "node:path";
import { ones, openCheckpoint, SafetensorsFile, saveCheckpoint, scope, type Tensor, zeros } from "@rediff/torch";
import { beforeEach, describe, expect, test } from "vitest";
import { readAskable } from "../../inference/model-facts.js";
import { unrounded } from "../../models/llada/llada.js";
import { promptEmbeddings } from "../../models/llava/assembly.js";
import type { Model } from "../../models/llava/llava.js";
import { folderOfEachTest } from "../../testing/folders.js";
import { expectNoLeaks } from "../../testing/leaks.js";
import { type PeftAdapterOptions, writePeftAdapter } from "../../testing/peft-adapter.js";
import { writeTinyModel } from "../../testing/tiny-model.js";
import { type LoadOptions, loadModelFolder } from "../load-model.js";
import { TOWER_PREFIX } from "../tensor-names.js";

const scratch = folderOfEachTest();
const { at } = scratch;
beforeEach(expectNoLeaks);

const Q0 = "model.layers.0.self_attn.q_proj";
const DOWN1 = "model.layers.1.mlp.down_proj";
const MODULES: PeftAdapterOptions["modules"] = { [Q0]: [64, 64], [DOWN1]: [64, 128] };

const adapter = (options: Partial<PeftAdapterOptions> = {}, name = "adapter") =>
  writePeftAdapter(at(name), { base: at("base"), modules: MODULES, ...options });
const base = (options = {}) => writeTinyModel(at("base"), options);

async function withModel(folder: string, use: (model: Model) => void, options: LoadOptions = {}): Promise<void> {
  const model = await loadModelFolder(folder, options);
  try {
    use(model);
  } finally {
    model[Symbol.dispose]();
  }
}

/** W + scale B A by hand, of numbers from the files. */
function byHand(module: string, scale: number, infix = ""): number[] {
  return scope(() => {
    using weights = openCheckpoint(at("base"));
    using file = SafetensorsFile.open(at("adapter", "adapter_model.safetensors"));
    const [down, up] = ["A", "B"].map((kind) => file.get(`base_model.model.${module}.lora_${kind}${infix}.weight`));
    return weights.get(`${module}.weight`).add(up!.matmul(down!).mul(scale)).flatten().toNumbers();
  });
}

const q0 = (model: Model): Tensor => unrounded(model.llada).weights.blocks[0]!.query;
const down1 = (model: Model): Tensor => unrounded(model.llada).weights.blocks[1]!.down;
const expectNumbers = (tensor: Tensor, wanted: number[]) => {
  const found = scope(() => tensor.flatten().toNumbers());
  expect(found).toHaveLength(wanted.length);
  for (const [i, value] of found.entries()) expect(value).toBeCloseTo(wanted[i]!, 5);
};

describe("merged into its base", () => {
  test.each([
    ["as PEFT saves it", {}, 2, ""],
    ["with the adapter's name in its tensors'", { adapterName: "default" }, 2, ".default"],
    ["with alpha over the root of the rank", { config: { use_rslora: true } }, 4 / Math.SQRT2, ""],
    [
      "with targets as a pattern",
      { config: { target_modules: ".*layers\\.\\d+\\.(self_attn|mlp)\\.(q|down)_proj" } },
      2,
      "",
    ],
    ["with fan_in_fan_out, which PEFT drops for linear layers", { config: { fan_in_fan_out: true } }, 2, ""],
  ] as const)("%s", async (_, options, scale, infix) => {
    base();
    await withModel(adapter(options), (model) => {
      expectNumbers(q0(model), byHand(Q0, scale, infix));
      expectNumbers(down1(model), byHand(DOWN1, scale, infix));
      using weights = openCheckpoint(at("base"));
      scope(() => {
        const untouched = weights.get("model.layers.1.self_attn.q_proj.weight");
        expect(unrounded(model.llada).weights.blocks[1]!.query.toNumbers()).toEqual(untouched.toNumbers());
      });
      expect(model.folder).toBe(at("adapter"));
    });
  });

  test("with a rank and a scale of its own for some modules", async () => {
    base();
    const patterns = { rank_pattern: { down_proj: 3 }, alpha_pattern: { "layers.1.mlp.*": 12, "^q_proj": 1 } };
    await withModel(adapter({ ranks: { [DOWN1]: 3 }, config: patterns }), (model) => {
      expectNumbers(q0(model), byHand(Q0, 4 / 2));
      expectNumbers(down1(model), byHand(DOWN1, 12 / 3));
    });
  });

  test("rounded once: the sum is taken in float32, whatever the model's dtype", async () => {
    base({ dtype: "bfloat16" });
    adapter();
    await withModel(at("adapter"), (model) => expectNumbers(q0(model), byHandBfloat16()));
    await withModel(
      at("adapter"),
      (model) => {
        expect(q0(model).dtype).toBe("bfloat16");
        scope(() => {
          const wanted = q0(model).to({ dtype: "float32" });
          using weights = openCheckpoint(at("base"));
          using file = SafetensorsFile.open(at("adapter", "adapter_model.safetensors"));
          const [down, up] = ["A", "B"].map((kind) => file.get(`base_model.model.${Q0}.lora_${kind}.weight`));
          const sum = weights.get(`${Q0}.weight`).to({ dtype: "float32" }).add(up!.matmul(down!), { alpha: 2 });
          expect(wanted.toNumbers()).toEqual(sum.to({ dtype: "bfloat16" }).to({ dtype: "float32" }).toNumbers());
        });
      },
      { dtype: "bfloat16" },
    );
    function byHandBfloat16(): number[] {
      return scope(() => {
        using weights = openCheckpoint(at("base"));
        using file = SafetensorsFile.open(at("adapter", "adapter_model.safetensors"));
        const [down, up] = ["A", "B"].map((kind) => file.get(`base_model.model.${Q0}.lora_${kind}.weight`));
        const weight = weights.get(`${Q0}.weight`).to({ dtype: "float32" });
        return weight.add(up!.matmul(down!).mul(2)).flatten().toNumbers();
      });
    }
  });

  test("of the tower, and of its last layer, which nothing reads", async () => {
    base();
    const layer = (n: number) => `${TOWER_PREFIX}vision_model.encoder.layers.${n}.self_attn.q_proj`;
    adapter({ modules: { [layer(0)]: [32, 32], [layer(2)]: [32, 32] } });
    await withModel(at("adapter"), (model) =>
      expectNumbers(model.vision!.tower.weights.layers[0]!.query.weight, byHand(layer(0), 2)),
    );
  });

  test("of LLaDA in its own naming, by which targets, ranks and scales go too", async () => {
    base({ textOnly: true, naming: "original" });
    const block = "model.transformer.blocks.0";
    adapter({
      modules: { [`${block}.q_proj`]: [64, 64], [`${block}.attn_out`]: [64, 64] },
      config: { target_modules: ["q_proj", "attn_out"], layers_to_transform: [0], alpha_pattern: { attn_out: 6 } },
    });
    await withModel(at("adapter"), (model) => {
      expectNumbers(q0(model), byHand(`${block}.q_proj`, 2));
      expectNumbers(unrounded(model.llada).weights.blocks[0]!.output, byHand(`${block}.attn_out`, 3));
    });
  });

  test("of the embedding, whose matrices are the other way round", async () => {
    base();
    scope(() => {
      const tensors = {
        "base_model.model.model.embed_tokens.lora_embedding_A": ones([2, 416]),
        "base_model.model.model.embed_tokens.lora_embedding_B": ones([64, 2]),
      };
      adapter({ modules: {}, tensors, config: { target_modules: ["embed_tokens"] } });
    });
    using weights = openCheckpoint(at("base"));
    await withModel(at("adapter"), (model) => {
      const wanted = scope(() => weights.get("model.embed_tokens.weight").add(4).flatten().toNumbers());
      expectNumbers(model.llada.weights.embedTokens, wanted);
    });
  });

  test("an adapter of an adapted model: both, the inner one first", async () => {
    base();
    adapter();
    writePeftAdapter(at("outer"), { base: "../adapter", modules: { [Q0]: [64, 64] }, seed: 9 });
    await withModel(at("outer"), (model) => {
      const correction = scope(() => {
        using file = SafetensorsFile.open(at("outer", "adapter_model.safetensors"));
        const [down, up] = ["A", "B"].map((kind) => file.get(`base_model.model.${Q0}.lora_${kind}.weight`));
        return up!.matmul(down!).mul(2).flatten().toNumbers();
      });
      expectNumbers(
        q0(model),
        byHand(Q0, 2).map((value, i) => value + correction[i]!),
      );
      expectNumbers(down1(model), byHand(DOWN1, 2));
    });
  });

  test("it describes a picture otherwise than its base, and is asked under the adapter's name", async () => {
    base();
    adapter({ alpha: 60 });
    const logits: number[][] = [];
    for (const folder of [at("base"), at("adapter")])
      await withModel(folder, (model) =>
        logits.push(
          scope(() => promptEmbeddings(model, [400, 5, 6, 7], []).matmul(q0(model).t()).flatten().toNumbers()),
        ),
      );
    expect(logits[0]).not.toEqual(logits[1]);
    expect((await readAskable(at("adapter"))).facts).toMatchObject({ folder: at("adapter"), tiling: { tileSize: 28 } });
  });
});

describe("what is trained as a whole", () => {
  const projector = (value: number): Record<string, Tensor> => ({
    "model.mm_projector.0.weight": ones([64, 32]).mul(value),
    "model.mm_projector.0.bias": ones([64]).mul(value),
    "model.mm_projector.2.weight": ones([64, 64]).mul(value),
    "model.mm_projector.2.bias": ones([64]).mul(value),
  });
  const prefixed = (prefix: string, tensors: Record<string, Tensor>) =>
    Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [prefix + name, tensor]));
  const values = (tensor: Tensor) => new Set(scope(() => tensor.flatten().toNumbers()));

  test.each([
    ["base_model.model.", (name: string) => name],
    ["base_model.model.", (name: string) => name.replace(/mm_projector\./, "mm_projector.modules_to_save.default.")],
  ])("modules_to_save stand in the base's place (%#)", async (prefix, rename) => {
    base();
    scope(() => {
      const tensors = Object.fromEntries(
        Object.entries(prefixed(prefix, projector(3))).map(([name, tensor]) => [rename(name), tensor]),
      );
      adapter({ tensors, config: { modules_to_save: ["mm_projector"] } });
    });
    await withModel(at("adapter"), (model) => {
      for (const { weight, bias } of model.vision!.projector)
        expect([...values(weight), ...values(bias)]).toEqual([3, 3]);
      expectNumbers(q0(model), byHand(Q0, 2));
    });
  });

  test("biases that were trained too", async () => {
    base();
    scope(() => {
      const tensors = {
        "base_model.model.model.mm_projector.2.bias": ones([64]).mul(7),
        "base_model.model.model.mm_projector.original_module.2.bias": ones([64]),
        [`base_model.model.${TOWER_PREFIX}vision_model.encoder.layers.0.self_attn.q_proj.base_layer.bias`]: zeros([32]),
      };
      adapter({ tensors, config: { bias: "all" } });
    });
    await withModel(at("adapter"), (model) => expect([...values(model.vision!.projector[1]!.bias)]).toEqual([7]));
  });

  test("LLaVA's finetuning keeps projector and config beside the adapter, for a base that cannot see", async () => {
    writeTinyModel(at("whole"));
    writeTinyModel(at("base"), { textOnly: true });
    adapter();
    copyFileSync(at("whole", "config.json"), at("adapter", "config.json"));
    scope(() => {
      using whole = openCheckpoint(at("whole"));
      const tower = whole.names().filter((name) => name.startsWith(TOWER_PREFIX));
      const trained: Record<string, Tensor> = { ...projector(2), "model.image_newline": zeros([64]) };
      for (const name of tower) trained[name] = whole.get(name);
      saveCheckpoint(at("non-lora"), prefixed("base_model.model.", trained));
    });
    renameSync(at("non-lora", "model.safetensors"), at("adapter", "non_lora_trainables.safetensors"));
    await withModel(at("adapter"), (model) => {
      expect(model.config.multimodal?.projectorType).toBe("mlp2x_gelu");
      expect([...values(model.vision!.projector[0]!.weight)]).toEqual([2]);
      expectNumbers(q0(model), byHand(Q0, 2));
    });
  });
});

test("non_lora_trainables.bin, as torch.save writes it", async () => {
  base({ hiddenSize: 6, heads: 1, kvHeads: 1, visionSize: 4, visionHeads: 1 });
  adapter({ modules: { [Q0]: [6, 6] } });
  copyFileSync(
    new URL("../convert/testdata/mm_projector.bin", import.meta.url),
    at("adapter", "non_lora_trainables.bin"),
  );
  const python = JSON.parse(readFileSync(new URL("../convert/testdata/python.json", import.meta.url), "utf8")) as {
    bfloat16: Record<string, number[]>;
  };
  await withModel(at("adapter"), (model) => {
    expectNumbers(model.vision!.projector[0]!.weight, python.bfloat16["model.mm_projector.0.weight"]!);
    expectNumbers(q0(model), byHand(Q0, 2));
  });
});

describe("the base is found", () => {
  test("by a path relative to the adapter, or to here", async () => {
    base();
    await withModel(adapter({ base: "../base" }), () => undefined);
    await withModel(adapter({ base: relative(process.cwd(), at("base")) }), () => undefined);
  });

  test("by an id in the hub's cache", async () => {
    const commit = "a".repeat(40);
    const repo = at("hub", "models--org--vlm");
    base();
    mkdirSync(`${repo}/refs`, { recursive: true });
    cpSync(at("base"), `${repo}/snapshots/${commit}`, { recursive: true });
    writeFileSync(`${repo}/refs/main`, commit);
    adapter({ base: "org/vlm" });
    const before = process.env.HF_HUB_CACHE;
    process.env.HF_HUB_CACHE = at("hub");
    try {
      await withModel(at("adapter"), (model) => expectNumbers(q0(model), byHand(Q0, 2)));
    } finally {
      if (before === undefined) delete process.env.HF_HUB_CACHE;
      else process.env.HF_HUB_CACHE = before;
    }
  });

  test("where it is given, whatever the adapter names", async () => {
    base();
    adapter({ base: "/nowhere/else" });
    await withModel(at("adapter"), (model) => expectNumbers(q0(model), byHand(Q0, 2)), { base: at("base") });
    await withModel(adapter({ base: null }), () => undefined, { base: at("base") });
  });

  test("or it is told what is missing, and nothing is fetched", async () => {
    const load = (options?: Partial<PeftAdapterOptions>) => loadModelFolder(adapter(options));
    await expect(load({ base: "/nowhere/else" })).rejects.toThrow(
      `${at("adapter")} is an adapter of /nowhere/else, and there is no such folder here`,
    );
    await expect(load({ base: "org/not-pulled" })).rejects.toMatchObject({
      message: expect.stringMatching(/is an adapter of org\/not-pulled: .* neither a folder nor a model in the cache/),
      hint: expect.stringMatching(/rediff pull org\/not-pulled.*--base/),
    });
    await expect(load({ base: null })).rejects.toThrow(/is an adapter that names no base/);
  });

  test("or there are two of that name", async () => {
    base();
    const here = relative(process.cwd(), at("base"));
    // Deeper than the tests' own folder, so that ".." as often as it takes from there leads to another folder from here.
    const deep = `${here.replaceAll("..", "deep")}/adapter`;
    writeTinyModel(at(deep, here));
    await expect(loadModelFolder(adapter({ base: here }, deep))).rejects.toThrow(/and there are two: /);
  });

  test("a base is refused for what is no adapter, and for one that is its own", async () => {
    base();
    await expect(loadModelFolder(at("base"), { base: at("base") })).rejects.toThrow(/it is no adapter/);
    await expect(loadModelFolder(adapter({ base: "." }))).rejects.toThrow(/is an adapter, and so on without end/);
  });

  test("a folder with a whole model and an adapter is read one way only when the base is given", async () => {
    base();
    adapter();
    copyFileSync(at("base", "model.safetensors"), at("adapter", "model.safetensors"));
    await expect(loadModelFolder(at("adapter"))).rejects.toThrow(
      /has both the weights of a whole model \(model\.safetensors\) and an adapter/,
    );
    await withModel(at("adapter"), (model) => expectNumbers(q0(model), byHand(Q0, 2)), { base: at("base") });
  });
});

describe("refused by name", () => {
  test.each([
    [{ peft_type: "IA3" }, /this is an adapter of type IA3/],
    [{ peft_type: "LOHA" }, /this is an adapter of type LOHA/],
    [{ use_dora: true }, /use_dora is true: DoRA/],
    [{ init_lora_weights: "pissa_niter_16" }, /init_lora_weights is "pissa_niter_16"/],
    [{ layer_replication: [[0, 1]] }, /layer_replication is \[\[0,1\]\], which is not supported/],
    [{ trainable_token_indices: [1, 2] }, /trainable_token_indices is \[1,2\]/],
    [{ lora_bias: true }, /lora_bias is true/],
    [{ r: 0 }, /adapter_config\.json: r: /],
    [{ r: 3 }, /has lora_A \[2, 64\] and lora_B \[64, 2\], and adapter_config\.json says rank 3/],
    [{ target_modules: ["k_proj"] }, /corrects .*q_proj, which target_modules in adapter_config\.json does not name/],
  ])("%j", async (config, message) => {
    base();
    await expect(loadModelFolder(adapter({ config }))).rejects.toThrow(message);
  });

  test("what does not fit the base, all at once", async () => {
    writeTinyModel(at("base"), { hiddenSize: 32, layers: 1 });
    await expect(loadModelFolder(adapter())).rejects.toThrow(
      /does not fit its base: .*q_proj is corrected as \[64, 64\], and it is \[32, 32\]; .*layers\.1\.mlp\.down_proj is no module/,
    );
  });

  test("half a correction, DoRA's tensors, and no weights", async () => {
    base();
    scope(() => adapter({ tensors: { "base_model.model.lm_head.lora_A.weight": ones([2, 64]) } }));
    await expect(loadModelFolder(at("adapter"))).rejects.toThrow(/lm_head has lora_A and no lora_B/);
    scope(() => adapter({ tensors: { [`base_model.model.${Q0}.lora_magnitude_vector`]: ones([64]) } }));
    await expect(loadModelFolder(at("adapter"))).rejects.toThrow(/lora_magnitude_vector is a part of DoRA/);
    rmSync(at("adapter", "adapter_model.safetensors"));
    await expect(loadModelFolder(at("adapter"))).rejects.toThrow(/has adapter_config\.json and no adapter_model/);
  });
});

test("corrections that target_modules names and the file has not are told of", async () => {
  base();
  const warnings: string[] = [];
  const load = (config: Record<string, unknown>) =>
    withModel(adapter({ config }), () => undefined, { onWarning: (line) => warnings.push(line) });
  await load({ target_modules: ["q_proj", "down_proj"], layers_to_transform: [0, 1] });
  expect(warnings).toEqual([]);
  await load({ target_modules: ["q_proj", "down_proj"] });
  expect(warnings).toEqual([
    `the adapter ${at("adapter")} has no correction of model.layers.0.mlp.down_proj, model.layers.1.self_attn.q_proj, which its target_modules names: they stay the base's`,
  ]);
});

test("the adapter's own tokenizer goes before its base's", async () => {
  base();
  adapter();
  expect((await readAskable(at("adapter"))).tokenizer.folder).toBe(at("base"));
  copyFileSync(at("base", "tokenizer.json"), at("adapter", "tokenizer.json"));
  const config = JSON.parse(readFileSync(at("base", "tokenizer_config.json"), "utf8"));
  writeFileSync(at("adapter", "tokenizer_config.json"), JSON.stringify(config));
  expect(basename((await readAskable(at("adapter"))).tokenizer.folder)).toBe("adapter");
});
