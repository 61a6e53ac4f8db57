/** Model folders as they come: complete, damaged, under other names. */
import { mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type Device,
  deviceCount,
  inferenceMode,
  memory,
  openCheckpoint,
  saveSafetensors,
  scope,
  type Tensor,
  zeros,
} from "@rediff/torch";
import { afterEach, describe, expect, test, vi } from "vitest";
import { UserError } from "../errors.js";
import { idTensor } from "../models/ids.js";
import { embed, hiddenStates, logits, unrounded } from "../models/llada/llada.js";
import { Rotary } from "../models/llada/rotary.js";
import { assertPositions, promptEmbeddings } from "../models/llava/assembly.js";
import type { Model } from "../models/llava/llava.js";
import { encodeVisuals, normalizePixels } from "../models/llava/vision-encoder.js";
import { folderOfFile } from "../testing/folders.js";
import { expectNoLeaks } from "../testing/leaks.js";
import { type TinyModelOptions, writeTinyModel } from "../testing/tiny-model.js";
import { specialIds } from "../text/special-ids.js";
import type { Visual } from "../vision/tiles/tiles.js";
import { type LoadOptions, loadModelFolder } from "./load-model.js";
import { TOWER_PREFIX } from "./tensor-names.js";

const { at } = folderOfFile();
afterEach(() => vi.restoreAllMocks());

let count = 0;
const write = (options: TinyModelOptions = {}, name = String(count++)) => writeTinyModel(at(name), options);

/** Writes a folder's weights again, changed. */
function rewrite(
  folder: string,
  change: (tensors: Map<string, Tensor>) => void,
  to = join(folder, "model.safetensors"),
): void {
  scope(() => {
    using checkpoint = openCheckpoint(folder);
    const tensors = new Map(checkpoint.names().map((name) => [name, checkpoint.get(name).clone()]));
    change(tensors);
    saveSafetensors(to, tensors);
  });
}

async function complaint(folder: string, options: LoadOptions = {}): Promise<string> {
  try {
    using _ = await loadModelFolder(folder, options);
  } catch (error) {
    return error instanceof UserError ? error.line : `${(error as Error).name}: ${(error as Error).message}`;
  }
  return "no complaint";
}

/** Logits after a few tokens. */
function say(model: Model): number[] {
  return inferenceMode(() =>
    scope(() => {
      const rows = embed(model.llada, idTensor([5, 80, 300], "cpu")).unsqueeze(0);
      const rotary = new Rotary(model.config.llada).tables([[0, 1, 2]], model.dtype, "cpu");
      return logits(model.llada, hiddenStates(model.llada, rows, { rotary })).toNumbers();
    }),
  );
}

function picture(tiles = 2, level = (i: number) => (i * 37) % 256, kind: Visual["kind"] = "picture"): Visual {
  return {
    kind,
    pixels: new Uint8Array(tiles * 3 * 28 * 28).map((_, i) => level(i)),
    tiles,
    tileSize: 28,
    imageSize: { width: 28, height: 28 },
  };
}

const look = (model: Model, visual = picture()): number[] =>
  inferenceMode(() => scope(() => encodeVisuals(model, [visual]).flatMap((rows) => rows.toNumbers())));

describe("loading", () => {
  test("maps the weights, and frees them", async () => {
    const folder = write();
    const before = memory();
    const model = await loadModelFolder(folder);
    expect(model).toMatchObject({ folder, dtype: "float32", device: "cpu" });
    expect(model.vocabulary).toBe(model.tokenizer.length);
    expect(model.llada.weights.blocks).toHaveLength(2);
    expect(model.vision?.tower.weights.layers).toHaveLength(2); // of three, the last is never run
    expect(memory().tensors).toBeGreaterThan(before.tensors);
    model[Symbol.dispose]();
    model[Symbol.dispose]();
    expect(memory()).toEqual(before);
  });

  test("chooses by model_type alone: a misleading folder name does not matter", async () => {
    using misleading = await loadModelFolder(write({}, "llama-qwen-mistral"));
    using plain = await loadModelFolder(write());
    expect(misleading.vision).toBeDefined();
    expect(say(misleading)).toEqual(say(plain));
  });

  test("both namings of LLaDA, shards or not, give the same logits", async () => {
    const options = { textOnly: true, kvHeads: 2 };
    using renamed = await loadModelFolder(write(options));
    using original = await loadModelFolder(write({ ...options, naming: "original", maxShardBytes: 40_000 }));
    expect(say(original)).toEqual(say(renamed));
    expect(original.vision).toBeUndefined();
  });

  test("in any dtype, whatever the file holds", async () => {
    const folder = write({ dtype: "bfloat16" });
    using narrow = await loadModelFolder(folder, { dtype: "bfloat16" });
    using wide = await loadModelFolder(folder);
    using wider = await loadModelFolder(folder, { dtype: "float64" });
    const heads = [narrow, wide, wider].map(({ llada }) => unrounded(llada).weights.head);
    expect(heads.map(({ dtype }) => dtype)).toEqual(["bfloat16", "float32", "float64"]);
    expect(heads[1]?.toNumbers()).toEqual(heads[0]?.toNumbers());
    expect(wider.vision?.newline?.toNumbers()).toEqual(narrow.vision?.newline?.toNumbers());
    const [a, b] = [say(wide), say(wider)];
    expect(Math.max(...a.map((x, i) => Math.abs(x - (b[i] as number))))).toBeLessThan(1e-3);
    expect(a).not.toEqual(b);
  });

  test("in float16 too, which is told to be slow on a CPU", async () => {
    const told: string[] = [];
    const onWarning = (line: string) => void told.push(line);
    using half = await loadModelFolder(write(), { dtype: "float16", onWarning });
    expect(unrounded(half.llada).weights.head.dtype).toBe("float16");
    expect(told).toEqual([expect.stringMatching(/^float16 is for GPUs: .*; bfloat16 takes as little memory there$/)]);
    using _ = await loadModelFolder(write(), { dtype: "bfloat16", onWarning });
    expect(told).toHaveLength(1);
  });

  test("tensors that nobody needs are no problem", async () => {
    const folder = write();
    using before = await loadModelFolder(folder);
    const wanted = say(before);
    rewrite(folder, (tensors) => {
      tensors.set("model.layers.0.self_attn.rotary_emb.inv_freq", zeros([8]));
      tensors.set(`${TOWER_PREFIX}vision_model.embeddings.position_ids`, zeros([1, 4]));
      tensors.set("model.vision_resampler.weight", zeros([1]));
    });
    using model = await loadModelFolder(folder);
    expect(say(model)).toEqual(wanted);
  });
});

describe("what is wrong with a folder", () => {
  test("missing, unexpected and misshapen tensors, all at once", async () => {
    const folder = write();
    rewrite(folder, (tensors) => {
      tensors.delete("model.norm.weight");
      tensors.delete("model.layers.1.mlp.up_proj.weight");
      tensors.set("lm_head.bias", zeros([416]));
      tensors.set("model.image_newline", zeros([2, 32]));
    });
    expect(await complaint(folder)).toBe(
      `${folder}: the tensors do not fit config.json: ` +
        "2 missing: model.layers.1.mlp.up_proj.weight, model.norm.weight; " +
        "1 unexpected: lm_head.bias; " +
        "1 of the wrong shape: model.image_newline: [2, 32] in the file, [64] expected. " +
        "Check that config.json and the weights belong together (`rediff inspect` shows both).",
    );
  });

  test("long lists are cut", async () => {
    const folder = write({ textOnly: true, layers: 3 });
    writeFileSync(
      join(folder, "config.json"),
      readFileSync(join(folder, "config.json"), "utf8").replace('"num_hidden_layers": 3', '"num_hidden_layers": 5'),
    );
    expect(await complaint(folder)).toMatch(/18 missing: (model\.layers\.[34]\S+, ){12}\.\.\.\. Check/);
  });

  test("a tensor under both of its names", async () => {
    const folder = write({ textOnly: true });
    rewrite(folder, (tensors) => {
      tensors.set("model.transformer.ln_f.weight", zeros([64]));
    });
    expect(await complaint(folder)).toMatch(/1 unexpected: model.transformer.ln_f.weight/);
  });

  test("an unknown model_type", async () => {
    expect(await complaint(write({ config: { model_type: "llama" } }))).toMatch(
      /model_type is "llama" \(.*\): this is another architecture; .* "llada" and "llava_llada"/,
    );
  });

  test("a token whose id lies behind the embedding, though there are few tokens", async () => {
    const folder = write({});
    const file = join(folder, "tokenizer.json");
    const tokenizer = JSON.parse(readFileSync(file, "utf8"));
    const save = (id: number) => {
      const added = [...tokenizer.added_tokens, { content: "<far>", id, special: true }];
      writeFileSync(file, JSON.stringify({ ...tokenizer, added_tokens: added }));
    };
    save(416);
    expect(await complaint(folder)).toMatch(
      /the token "<far>" has the id 416, and the model's embedding has only 416 rows. Tokenizer and weights belong to/,
    );
    save(415); // ids that nobody uses lie between
    using model = await loadModelFolder(folder);
    expect(model.vocabulary).toBe(416);
    expect(specialIds(model.tokenizer)).toContain(415);
  });

  test("fewer rows than tokens", async () => {
    expect(await complaint(write({ vocabSize: 400 }))).toMatch(
      /the tokenizer has 408 tokens but the model only 400 rows. Tokenizer and weights belong to different models/,
    );
  });

  test("weights that are cut off, empty or absent", async () => {
    const folder = write();
    const file = join(folder, "model.safetensors");
    const size = readFileSync(file).length;
    truncateSync(file, size - 100);
    expect(await complaint(folder)).toMatch(/SafetensorsError: .*model.safetensors: .*(end|cut off|bytes)/);
    truncateSync(file, 50);
    expect(await complaint(folder)).toMatch(
      /SafetensorsError: .*model.safetensors: is cut off or not a safetensors file/,
    );
    truncateSync(file, 0);
    expect(await complaint(folder)).toMatch(/0 bytes are too few/);
    rmSync(file);
    expect(await complaint(folder)).toMatch(/has no safetensors files/);
  });

  test("a missing shard", async () => {
    const folder = write({ maxShardBytes: 50_000 });
    const { weight_map } = JSON.parse(readFileSync(join(folder, "model.safetensors.index.json"), "utf8")) as {
      weight_map: Record<string, string>;
    };
    const [shard] = Object.values(weight_map);
    rmSync(join(folder, shard as string), { force: true });
    expect(await complaint(folder)).toContain(shard as string);
  });

  test("no config, no tokenizer, no folder", async () => {
    const folder = write();
    rmSync(join(folder, "tokenizer.json"));
    expect(await complaint(folder)).toMatch(/tokenizer.json/);
    rmSync(join(folder, "config.json"));
    expect(await complaint(folder)).toMatch(/has no config.json/);
    expect(await complaint(at("nowhere"))).toMatch(/nowhere has no config.json/);
  });

  test("a failed attempt leaves no tensor behind", async () => {
    const folder = write();
    rewrite(folder, (tensors) => tensors.delete("lm_head.weight"));
    expectNoLeaks();
    await complaint(folder);
  });
});

describe("the vision tower from elsewhere", () => {
  /** A checkpoint without the tower, and a stand-alone SigLIP with what belongs to one. */
  function apart(): { whole: string; blind: string; tower: string } {
    const whole = write();
    const blind = write();
    const tower = at(`tower-${count++}`);
    mkdirSync(tower);
    rewrite(
      whole,
      (tensors) => {
        for (const [name, value] of [...tensors]) {
          tensors.delete(name);
          if (name.startsWith(TOWER_PREFIX)) tensors.set(name.slice(TOWER_PREFIX.length), value);
        }
        // The last layer, the head and the text model are not taken.
        tensors.set("vision_model.encoder.layers.2.layer_norm1.weight", zeros([32]));
        tensors.set("vision_model.head.probe", zeros([1, 1, 32]));
        tensors.set("text_model.embeddings.token_embedding.weight", zeros([4, 4]));
        tensors.set("logit_scale", zeros([1]));
      },
      join(tower, "model.safetensors"),
    );
    rewrite(blind, (tensors) => {
      for (const name of [...tensors.keys()]) if (name.startsWith(TOWER_PREFIX)) tensors.delete(name);
    });
    return { whole, blind, tower };
  }

  test("only when the checkpoint has none", async () => {
    const { whole, blind, tower } = apart();
    using wanted = await loadModelFolder(whole);
    using together = await loadModelFolder(blind, { visionTower: tower });
    expect(look(together)).toEqual(look(wanted));
    const told: string[] = [];
    const onWarning = (line: string) => told.push(line);
    using ignoring = await loadModelFolder(whole, { visionTower: at("is not looked at"), onWarning });
    expect(told).toEqual([expect.stringMatching(/^the vision tower .* is not read: the model has vision weights/)]);
    expect(look(ignoring)).toEqual(look(wanted));
  });

  test("where the config says, if that is a folder", async () => {
    const { whole, blind, tower } = apart();
    const file = join(blind, "config.json");
    writeFileSync(file, readFileSync(file, "utf8").replace('"tiny-siglip"', JSON.stringify(tower)));
    using wanted = await loadModelFolder(whole);
    using together = await loadModelFolder(blind);
    expect(look(together)).toEqual(look(wanted));
  });

  test("nowhere to be found", async () => {
    const { blind } = apart();
    expect(await complaint(blind)).toBe(
      `${blind} has no vision weights, and the vision tower tiny-siglip is no folder here. ` +
        "Give the folder of the SigLIP model with visionTower, or pull it first (`rediff pull`).",
    );
  });

  test("of another shape, or incomplete", async () => {
    const { blind, tower } = apart();
    rewrite(tower, (tensors) => {
      tensors.delete("vision_model.post_layernorm.bias");
      tensors.set("vision_model.embeddings.position_embedding.weight", zeros([9, 32]));
    });
    expect(await complaint(blind, { visionTower: tower })).toMatch(
      `${tower}: the tensors do not fit config.json: 1 missing: vision_model.post_layernorm.bias; 1 of the wrong shape: vision_model.embeddings.position_embedding.weight: [9, 32] in the file, [4, 32] expected`,
    );
  });

  test("half a tower in the checkpoint is an error, not a reason to look elsewhere", async () => {
    const { whole, tower } = apart();
    const lost = `${TOWER_PREFIX}vision_model.encoder.layers.0.mlp.fc1.weight`;
    rewrite(whole, (tensors) => tensors.delete(lost));
    expect(await complaint(whole, { visionTower: tower })).toMatch(`1 missing: ${lost}`);
  });
});

describe("memory and devices", () => {
  test("a model that does not fit is refused unless told otherwise", async () => {
    const folder = write();
    vi.spyOn(process, "constrainedMemory").mockReturnValue(2 ** 20);
    expect(await complaint(folder)).toMatch(
      /needs about \d+ MiB in float32 .*and 0 MiB are available. .*leave out the check \(memoryCheck\)/,
    );
    expect(await complaint(folder, { memoryCheck: false })).toBe("no complaint");
  });

  test.runIf(deviceCount("cuda") === 0)("a GPU that is not there is an error", async () => {
    expect(await complaint(write(), { device: "cuda" })).toMatch(/device cuda is not available.*Available: .*cpu/);
    expect(await complaint(write(), { device: "cuda:3" })).toMatch(/device cuda:3 is not available/);
  });

  test("an unknown device is named", async () => {
    expect(await complaint(write(), { device: "tpu" as Device })).toMatch(
      /^device: expected cpu, cuda, cuda:N or mps, got "tpu"/,
    );
  });
});

describe("pictures", () => {
  test("bytes become ((x / 255) - 0.5) / 0.5, to the bit", () => {
    const visual = picture(1, (i) => i % 256);
    const got = normalizePixels(visual, "float32", "cpu");
    expect(got.shape).toEqual([1, 3, 28, 28]);
    const level = (x: number) => Math.fround(Math.fround(Math.fround(x * (1 / 255)) - 0.5) / 0.5);
    expect(got.toNumbers()).toEqual([...visual.pixels].map(level));
    expect(normalizePixels(visual, "bfloat16", "cpu").dtype).toBe("bfloat16");
  });

  test("tiles in parts give what they give together; several pictures, what each gives", async () => {
    using model = await loadModelFolder(write({ dtype: "float64" }), { dtype: "float64" });
    const [one, two] = [picture(2), picture(2, (i) => (i * 91) % 256)];
    const parts = (maxTiles: number) =>
      inferenceMode(() => scope(() => encodeVisuals(model, [one, two], maxTiles).map((rows) => rows.toNumbers())));
    const [first, second] = parts(64);
    expect(first).toEqual(look(model, one));
    expect(second).toEqual(look(model, two));
    for (const [i, rows] of parts(1).entries())
      expect(Math.max(...rows.map((x, j) => Math.abs(x - ([first, second][i]?.[j] as number))))).toBeLessThan(1e-10);
  });

  test("a text-only model says that it cannot see", async () => {
    using model = await loadModelFolder(write({ textOnly: true }));
    expect(encodeVisuals(model, [])).toEqual([]);
    expect(() => encodeVisuals(model, [picture()])).toThrow(/is a text-only LLaDA and cannot see pictures/);
  });
});

describe("prompts", () => {
  test("text, pictures and videos at their places", async () => {
    using model = await loadModelFolder(write());
    const visuals = [picture(2), picture(3, undefined, "video")];
    const rows = inferenceMode(() => scope(() => encodeVisuals(model, visuals).map((t) => t.toNumbers())));
    using prompt = promptEmbeddings(model, [7, -200, 8, 9, -200], visuals);
    const text = (id: number) => model.llada.weights.embedTokens.select(0, id).toNumbers();
    expect(prompt.toNumbers()).toEqual([
      ...text(7),
      ...(rows[0] as number[]),
      ...text(8),
      ...text(9),
      ...(rows[1] as number[]),
    ]);
  });

  test("of exactly as many positions as there are, and of one more", async () => {
    using model = await loadModelFolder(write({ maxPositions: 20 }));
    const ids = [1, 2, 3, 4, 5, 6, 7, 8];
    const before = memory();
    promptEmbeddings(model, ids, [], 12).dispose();
    expect(() => promptEmbeddings(model, ids, [], 13)).toThrow(
      "the prompt has 8 tokens and the answer 13, together more than the model's 20 positions",
    );
    expect(() => promptEmbeddings(model, [1, -200], [])).toThrow("the prompt has 1 <image> but 0 pictures");
    expect(memory()).toEqual(before);
    const scaled = { ...model.config.llada, ropeScaling: { type: "linear" as const, factor: 2 } };
    expect(() => assertPositions(scaled, 8, 32)).not.toThrow();
    expect(() => assertPositions(scaled, 8, 33)).toThrow("more than the model's 40 positions");
  });

  test("nothing but the rows stays", async () => {
    using model = await loadModelFolder(write());
    const before = memory();
    using prompt = promptEmbeddings(model, [7, -200, 8], [picture()]);
    expect(memory().tensors).toBe(before.tensors + 1);
    expect(prompt.requiresGrad).toBe(false);
  });
});
