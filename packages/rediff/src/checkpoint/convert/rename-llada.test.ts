import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { type Checkpoint, memory, noGrad, openCheckpoint, saveCheckpoint, zeros } from "@rediff/torch";
import { beforeEach, describe, expect, test } from "vitest";
import type { DecodeResult } from "../../diffusion/decode-step.js";
import { decode } from "../../diffusion/decoder.js";
import { UserError } from "../../errors.js";
import { promptEmbeddings } from "../../models/llava/assembly.js";
import { folderOfEachTest } from "../../testing/folders.js";
import { type TinyModelOptions, writeTinyModel } from "../../testing/tiny-model.js";
import { loadModelFolder } from "../load-model.js";
import { originalName } from "../tensor-names.js";
import { renameLlada } from "./rename-llada.js";

const scratch = folderOfEachTest();
const { at } = scratch;
let source: string;
let output: string;

beforeEach(() => {
  source = at("source");
  output = at("output");
});

const original = (options: TinyModelOptions = {}) =>
  writeTinyModel(source, { textOnly: true, naming: "original", kvHeads: 2, ...options });

const json = (folder: string, name: string) => JSON.parse(readFileSync(join(folder, name), "utf8"));

function bytesOf(checkpoint: Checkpoint, name: string): Buffer {
  const { file, begin, end } = checkpoint.info(name);
  const bytes = readFileSync(file);
  const data = 8 + Number(bytes.readBigUInt64LE());
  return bytes.subarray(data + begin, data + end);
}

async function answer(folder: string): Promise<number[]> {
  using model = await loadModelFolder(folder);
  return noGrad(() => {
    using prompt = promptEmbeddings(model, model.tokenizer.encode("What is it?"), []);
    const run = decode(model, prompt, { genLength: 16, steps: 4 });
    let turn = run.next();
    while (!turn.done) turn = run.next();
    return (turn.value as DecodeResult).tokens;
  });
}

/** Rewrites the source's weights with some tensors taken out or put in. */
function change(remove: readonly string[], add: Record<string, number[]>): void {
  using checkpoint = openCheckpoint(source);
  const kept = checkpoint.names().filter((name) => !remove.includes(name));
  const entries = [...kept.map((name) => [name, checkpoint.get(name).clone()] as const)];
  saveCheckpoint(source, [...entries, ...Object.entries(add).map(([name, shape]) => [name, zeros(shape)] as const)]);
}

describe("renameLlada", () => {
  test.each([
    ["grouped queries", {}],
    ["a key-value head for each head, in bfloat16", { kvHeads: 4, dtype: "bfloat16" }],
    ["shards, renamed to shards", { maxShardBytes: 60_000 }],
  ] as [string, TinyModelOptions][])("%s: every tensor keeps its bytes, under its new name", async (_, options) => {
    original(options);
    const before = memory().tensors;
    const result = await renameLlada(source, output, { maxShardBytes: options.maxShardBytes });
    expect(memory().tensors).toBe(before);
    using from = openCheckpoint(source);
    using to = openCheckpoint(output);
    expect(to.names().length).toBe(from.names().length);
    expect(result).toMatchObject({ output, tensors: 21, bytes: from.totalBytes, notes: [] });
    for (const name of to.names()) {
      const old = originalName(name)!;
      expect(to.info(name)).toMatchObject({ dtype: from.info(old).dtype, shape: from.info(old).shape });
      expect(bytesOf(to, name).equals(bytesOf(from, old)), name).toBe(true);
    }
    expect(to.metadata).toEqual({ format: "pt" });
    expect(await answer(output)).toEqual(await answer(source));
  });

  test("shards have an index that lists every tensor and the size", async () => {
    original();
    const { bytes } = await renameLlada(source, output, { maxShardBytes: 60_000 });
    const index = json(output, "model.safetensors.index.json");
    expect(index.metadata.total_size).toBe(bytes);
    expect(Object.keys(index.weight_map)).toHaveLength(21);
    expect(index.weight_map["lm_head.weight"]).toMatch(/^model-000\d\d-of-000\d\d\.safetensors$/);
    for (const file of new Set<string>(Object.values(index.weight_map)))
      expect(existsSync(join(output, file))).toBe(true);
  });

  test("config.json has the Llama-style keys, the tokenizer's ids, and keeps what it does not know", async () => {
    original({ config: { max_sequence_length: 2048, something: { of: "theirs" }, auto_map: { AutoModel: "x.Y" } } });
    await renameLlada(source, output);
    const config = json(output, "config.json");
    expect(config).toMatchObject({
      architectures: ["LLaDAModelLM"],
      model_type: "llada",
      hidden_size: 64,
      intermediate_size: 128,
      num_hidden_layers: 2,
      num_attention_heads: 4,
      num_key_value_heads: 2,
      vocab_size: 416,
      max_position_embeddings: 2048,
      hidden_act: "silu",
      rms_norm_eps: 1e-5,
      rope_theta: 100,
      rope_scaling: null,
      attention_bias: false,
      attention_dropout: 0,
      tie_word_embeddings: false,
      use_cache: false,
      initializer_range: 0.02,
      torch_dtype: "float32",
      bos_token_id: 400,
      eos_token_id: 401,
      pad_token_id: 401,
      mask_token_id: 404,
      something: { of: "theirs" },
    });
    for (const key of ["d_model", "n_heads", "n_layers", "mlp_hidden_size", "embedding_size", "auto_map"])
      expect(config).not.toHaveProperty(key);
    expect(Object.keys(config)).toEqual(Object.keys(config).sort());
  });

  test("tokenizer, generation settings and licence come along, code does not", async () => {
    original();
    writeFileSync(join(source, "generation_config.json"), '{"eos_token_id": 401}\n');
    writeFileSync(join(source, "LICENSE"), "MIT\n");
    writeFileSync(join(source, "modeling_llada.py"), "raise SystemExit\n");
    await renameLlada(source, output);
    const names = [
      "LICENSE",
      "generation_config.json",
      "special_tokens_map.json",
      "tokenizer.json",
      "tokenizer_config.json",
    ];
    expect(readdirSync(output).sort()).toEqual(
      ["LICENSE", "config.json", ...names.slice(1), "model.safetensors"].sort(),
    );
    for (const name of names)
      expect(readFileSync(join(output, name)).equals(readFileSync(join(source, name)))).toBe(true);
  });

  test("tells when there is no tokenizer to take along", async () => {
    original();
    for (const name of readdirSync(source)) if (/token/.test(name)) rmSync(join(source, name));
    expect((await renameLlada(source, output)).notes).toEqual([expect.stringMatching(/no tokenizer/)]);
  });

  test.each([
    [
      "a name nobody knows",
      [],
      { "model.transformer.extra.weight": [2] },
      /1 unexpected: model\.transformer\.extra\.weight/,
    ],
    ["a buffer that loading passes over", [], { "model.rotary_emb.inv_freq": [8] }, /1 unexpected: model\.rotary_emb/],
    ["a tensor under both names", [], { "model.norm.weight": [64] }, /1 unexpected: model\.transformer\.ln_f\.weight/],
    ["a layer too many", [], { "model.transformer.blocks.2.attn_norm.weight": [64] }, /1 unexpected: .*blocks\.2\./],
    [
      "a missing tensor",
      ["model.transformer.blocks.1.k_proj.weight"],
      {},
      /1 missing: model\.layers\.1\.self_attn\.k_proj/,
    ],
    [
      "a wrong shape",
      ["model.transformer.ln_f.weight"],
      { "model.transformer.ln_f.weight": [63] },
      /1 of the wrong shape: .*\[63\] in the file, \[64\] expected/,
    ],
  ] as [string, string[], Record<string, number[]>, RegExp][])(
    "%s is an error, and nothing is written",
    async (_, remove, add, message) => {
      original();
      change(remove, add);
      await expect(renameLlada(source, output)).rejects.toThrow(message);
      expect(readdirSync(scratch.path)).toEqual(["source"]);
    },
  );

  test("a model that has the renamed layout, or is a LLaDA-V, is refused", async () => {
    writeTinyModel(source, { textOnly: true });
    await expect(renameLlada(source, output)).rejects.toThrow(/has the renamed layout already/);
    writeTinyModel(source);
    await expect(renameLlada(source, output)).rejects.toThrow(/is a LLaDA-V already/);
    expect(readdirSync(scratch.path)).toEqual(["source"]);
  });

  test("an architecture with LLaDA's names that is not LLaDA is refused", async () => {
    original({ config: { rope: false, layer_norm_type: "default" } });
    await expect(renameLlada(source, output)).rejects.toThrow(
      /layer_norm_type is "default", LLaDA has "rms"; rope is false, LLaDA has true|rope is false.*layer_norm_type/,
    );
  });

  test("broken sources are a line each", async () => {
    await expect(renameLlada(source, output)).rejects.toThrow(/has no config\.json/);
    original({ maxShardBytes: 60_000 });
    rmSync(join(source, readdirSync(source).find((name) => name.startsWith("model-00002"))!));
    await expect(renameLlada(source, output)).rejects.toThrow(/1 of the \d files .* missing: model-00002/);
  });
});

describe("the output folder", () => {
  test("that is in use is left alone; --force replaces the model and nothing else", async () => {
    original();
    mkdirSync(output);
    writeFileSync(join(output, "notes.txt"), "mine");
    writeFileSync(join(output, "model-00001-of-00009.safetensors"), "old");
    writeFileSync(join(output, "model.safetensors.index.json"), "old");
    writeFileSync(join(output, "chat_template.jinja"), "old");
    await expect(renameLlada(source, output)).rejects.toThrow(/is not empty .*chat_template\.jinja/);
    expect(readdirSync(output)).toHaveLength(4);
    await renameLlada(source, output, { force: true });
    expect(readdirSync(output).sort()).toEqual([
      "config.json",
      "model.safetensors",
      "notes.txt",
      "special_tokens_map.json",
      "tokenizer.json",
      "tokenizer_config.json",
    ]);
    expect(await answer(output)).toEqual(await answer(source));
  });

  test("that is empty is used", async () => {
    original();
    mkdirSync(output);
    await renameLlada(source, output);
    expect(existsSync(join(output, "config.json"))).toBe(true);
    expect(readdirSync(output).some((name) => name.includes("partial"))).toBe(false);
  });

  test("is not the source, whatever it is called, and no file", async () => {
    original();
    const same = at("source", "..", "source");
    await expect(renameLlada(source, same, { force: true })).rejects.toThrow(/is read and cannot be written to/);
    writeFileSync(output, "");
    await expect(renameLlada(source, output, { force: true })).rejects.toThrow(UserError);
    expect(await answer(source)).toHaveLength(16);
  });

  test("does not exist, or holds the old model, until the new one is complete", async () => {
    original();
    const seen: boolean[] = [];
    await renameLlada(source, output, { onProgress: () => seen.push(existsSync(output)) });
    expect(seen.length).toBeGreaterThan(20);
    expect(seen.every((there) => !there)).toBe(true);

    const old = at("old");
    cpSync(output, old, { recursive: true });
    rmSync(source, { recursive: true });
    original({ seed: 1 });
    const watched = () =>
      expect(readFileSync(join(output, "config.json"))).toEqual(readFileSync(join(old, "config.json")));
    await renameLlada(source, output, { force: true, onProgress: watched });
    using model = openCheckpoint(output);
    using before = openCheckpoint(old);
    expect(bytesOf(model, "lm_head.weight").equals(bytesOf(before, "lm_head.weight"))).toBe(false);
  });

  test("an error in the middle leaves nothing", async () => {
    original();
    const fail = (bytes: number) => {
      if (bytes > 100_000) throw new Error("out of luck");
    };
    await expect(renameLlada(source, output, { onProgress: fail })).rejects.toThrow("out of luck");
    expect(readdirSync(scratch.path)).toEqual(["source"]);
  });

  test("what a killed run left goes with the next, what a running one is at stays", async () => {
    original();
    const dead = at(`.output.partial-${hostname()}-999999999`);
    const alive = at(`.output.partial-${hostname()}-${process.ppid}`);
    const elsewhere = at(".output.partial-another-host-999999999");
    for (const folder of [dead, alive, elsewhere]) mkdirSync(folder);
    await renameLlada(source, output);
    expect([dead, alive, elsewhere].map((folder) => existsSync(folder))).toEqual([false, true, true]);
  });
});
