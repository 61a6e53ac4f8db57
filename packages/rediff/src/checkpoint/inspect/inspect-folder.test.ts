import { cpSync, existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { memory, openCheckpoint, saveCheckpoint, zeros } from "@rediff/torch";
import { describe, expect, test } from "vitest";
import { folderOfEachTest } from "../../testing/folders.js";
import { writeTinyModel, writeTinySiglip } from "../../testing/tiny-model.js";
import { inspectFolder } from "./inspect-folder.js";
import { inspectionJson, inspectionText, tensorListText } from "./inspection-report.js";

const goldens = fileURLToPath(new URL("../../../../../../shared/goldens/checkpoint", import.meta.url));

const scratch = folderOfEachTest();
const { at } = scratch;
describe("a complete checkpoint", () => {
  test("LLaDA-V: parts, shapes, a picture's tokens, memory", async () => {
    writeTinyModel(scratch.path, { kvHeads: 2, maxShardBytes: 100_000 });
    const before = memory().tensors;
    const seen = await inspectFolder(scratch.path);
    expect(memory().tensors).toBe(before);
    expect(seen).toMatchObject({ kind: "llada-v", problems: [], notes: [] });
    const { parameters } = seen;
    expect(parameters.language).toBe(2 * 416 * 64 + 2 * (2 * 64 * 64 + 2 * 32 * 64 + 3 * 64 * 128 + 2 * 64) + 64);
    expect(parameters.projector).toBe(64 * 32 + 64 + 64 * 64 + 64);
    expect(parameters.newline).toBe(64);
    expect(parameters.other).toBe(0);
    expect(parameters.total).toBe(parameters.language + parameters.vision + parameters.projector + 64);
    expect(seen.dtypes).toEqual({ float32: parameters.total });
    expect(seen.files.length).toBeGreaterThan(2);
    expect(seen.bytes).toBeGreaterThan(4 * parameters.total);
    // Tiles of 28 px: 1024 x 768 takes 2 x 2 of them; 4 rows of 4 patches less the letterbox, and the view's 4.
    expect(seen.picture).toEqual({ width: 1024, height: 768, tiles: 5, tokens: 4 + 4 * 5 });
    expect(seen.tokenizer).toEqual({
      length: 408,
      maskId: 404,
      bosId: 400,
      eosId: 401,
      eotId: 407,
      chatTemplate: true,
    });
    expect(seen.memory.float32?.weights).toBe(4 * parameters.total);
    expect(seen.memory.bfloat16?.weights).toBe(2 * parameters.total);
    const text = inspectionText(seen);
    expect(text).toMatch(/^kind +LLaDA-V or ReDiff$/m);
    expect(text).toMatch(/4 heads \(2 kv\)/);
    expect(text).toMatch(/1024x768 is 5 tiles, 24 tokens/);
    expect(text).toMatch(/^complete +yes$/m);
  });

  test.each([
    ["original", "llada-original", /original naming/],
    ["renamed", "llada", /^kind +LLaDA, text only$/m],
  ] as const)("LLaDA in the %s naming", async (naming, kind, text) => {
    writeTinyModel(scratch.path, { textOnly: true, naming, dtype: "bfloat16" });
    const seen = await inspectFolder(scratch.path);
    expect(seen).toMatchObject({ kind, problems: [], vision: undefined, picture: undefined });
    expect(seen.parameters.total).toBe(seen.parameters.language);
    expect(Object.keys(seen.dtypes)).toEqual(["bfloat16"]);
    expect(inspectionText(seen)).toMatch(text);
  });

  test.each(["full", "vision"] as const)("a stand-alone SigLIP, %s", async (kind) => {
    writeTinySiglip(scratch.path, { kind });
    const seen = await inspectFolder(scratch.path);
    expect(seen).toMatchObject({ kind: "siglip", problems: [], config: undefined, tokenizer: undefined });
    expect(seen.vision).toMatchObject({ hiddenSize: 32, layers: 3, imageSize: 28 });
    expect(seen.notes).toEqual([expect.stringMatching(/not used by LLaVA/)]);
    expect(inspectionText(seen)).toMatch(/2x2 patches of 14/);
  });

  test("as a list of tensors and as JSON", async () => {
    writeTinyModel(scratch.path);
    const seen = await inspectFolder(scratch.path);
    const lines = tensorListText(seen.tensors).split("\n");
    expect(lines).toContain("model.mm_projector.0.weight\tfloat32\t[64, 32]\tmodel.safetensors");
    expect(lines).toHaveLength(seen.tensors.length);
    const json = JSON.parse(JSON.stringify(inspectionJson(seen, { tensors: true })));
    expect(json).toMatchObject({
      kind: "llada-v",
      complete: true,
      problems: [],
      config: { hidden_size: 64, num_key_value_heads: 4, image_aspect_ratio: "anyres_max_4" },
      vision: { image_size: 28, patches: 4 },
      picture: { tokens: 24 },
      tokenizer: { mask_id: 404, chat_template: true },
      missing: [],
      unexpected: [],
      misshapen: [],
    });
    expect(json.tensors[0]).toEqual({
      name: expect.any(String),
      dtype: "float32",
      shape: expect.any(Array),
      file: "model.safetensors",
    });
    expect(inspectionJson(seen)).not.toHaveProperty("tensors");
  });

  test.skipIf(!existsSync(goldens))("as the original code wrote it", async () => {
    const seen = await inspectFolder(goldens);
    expect(seen).toMatchObject({ kind: "llada-v", problems: [] });
    expect(seen.vision?.imageSize).toBe(56);
  });
});

describe("a broken folder is described as far as it can be", () => {
  const names = (pattern: RegExp) => readdirSync(scratch.path).filter((name) => pattern.test(name));
  const problems = async () => (await inspectFolder(scratch.path)).problems.join("\n");

  test("without config.json: by its tensors", async () => {
    writeTinyModel(scratch.path);
    rmSync(at("config.json"));
    const seen = await inspectFolder(scratch.path);
    expect(seen).toMatchObject({ kind: "llada-v", problems: [expect.stringMatching(/has no config\.json/)] });
    expect(seen.parameters.projector).toBeGreaterThan(0);
  });

  test.each([
    ["{", /config\.json is not valid JSON/],
    ['{"model_type": "llama"}', /model_type is "llama"/],
    ["[]", /config\.json: the whole file/],
    ['{"model_type": "llada"}', /config\.json: vocab_size/],
  ])("with the config.json %s", async (text, message) => {
    writeTinyModel(scratch.path);
    writeFileSync(at("config.json"), text);
    expect(await problems()).toMatch(message);
  });

  test("with a shard missing: which, and what it held", async () => {
    writeTinyModel(scratch.path, { maxShardBytes: 100_000 });
    const [, shard] = names(/^model-/);
    rmSync(at(shard!));
    const seen = await inspectFolder(scratch.path);
    expect(seen.kind).toBe("llada-v");
    expect(seen.problems[0]).toMatch(new RegExp(`files .* are missing: ${shard}`));
    expect(seen.problems[1]).toMatch(/tensors are missing, as files are/);
    expect(seen.comparison.missing.length).toBeGreaterThan(0);
    expect(seen.tensors.length).toBeGreaterThan(0);
    expect(inspectionText(seen)).toMatch(/^PROBLEMS +/m);
  });

  test("with a shard cut off", async () => {
    writeTinyModel(scratch.path, { maxShardBytes: 100_000 });
    const [shard] = names(/^model-/);
    truncateSync(at(shard!), 5_000);
    expect(await problems()).toMatch(/the file is cut off or damaged/);
  });

  test("with weights of which one set is read: the other is told of", async () => {
    writeTinyModel(scratch.path, { maxShardBytes: 100_000 });
    cpSync(at(names(/^model-00001/)[0]!), at("model.safetensors"));
    writeFileSync(at("pytorch_model.bin"), "");
    const seen = await inspectFolder(scratch.path);
    expect(seen).toMatchObject({
      problems: [],
      notes: ["not read: model.safetensors, pytorch_model.bin (model.safetensors.index.json names what is)"],
    });
    expect(inspectionText(seen)).toMatch(/^note +not read: model\.safetensors/m);
  });

  test("with an empty or hostile weight file", async () => {
    writeTinyModel(scratch.path);
    writeFileSync(at("model.safetensors"), "");
    expect(await problems()).toMatch(/0 bytes are too few/);
    writeFileSync(at("model.safetensors"), Buffer.alloc(64, 0xff));
    expect(await problems()).toMatch(/is not a safetensors file/);
  });

  test("without weights, or with pickles only", async () => {
    writeTinyModel(scratch.path);
    rmSync(at("model.safetensors"));
    writeFileSync(at("pytorch_model.bin"), "");
    const seen = await inspectFolder(scratch.path);
    expect(seen.problems[0]).toMatch(/no safetensors files, only pytorch_model\.bin/);
    expect(inspectionText(seen)).toMatch(/^weights +none$/m);
  });

  test("with tensors missing, too many, and of the wrong shape", async () => {
    writeTinyModel(scratch.path);
    {
      using checkpoint = openCheckpoint(scratch.path);
      const kept = checkpoint.names().filter((name) => name !== "model.norm.weight" && name !== "lm_head.weight");
      saveCheckpoint(scratch.path, [
        ...kept.map((name) => [name, checkpoint.get(name).clone()] as const),
        ["lm_head.weight", zeros([400, 64])] as const,
        ["model.extra", zeros([1])] as const,
      ]);
    }
    const { comparison, problems } = await inspectFolder(scratch.path);
    expect(comparison).toEqual({
      missing: ["model.norm.weight"],
      unexpected: ["model.extra"],
      misshapen: ["lm_head.weight: [400, 64] in the file, [416, 64] expected"],
    });
    expect(problems).toHaveLength(3);
  });

  test("without tokenizer, with a larger one, without chat template", async () => {
    writeTinyModel(scratch.path);
    const file = at("tokenizer_config.json");
    const { chat_template: _, ...config } = JSON.parse(readFileSync(file, "utf8"));
    writeFileSync(file, JSON.stringify(config));
    expect(await problems()).toMatch(/has no chat template/);
    rmSync(at("tokenizer.json"));
    expect(await problems()).toMatch(/tokenizer\.json: no such file/);
    writeTinyModel(scratch.path, { vocabSize: 390, textOnly: true });
    expect(await problems()).toMatch(/408 tokens but the model only 390 rows/);
  });

  test("without vision weights: where they would come from", async () => {
    writeTinyModel(scratch.path);
    {
      using checkpoint = openCheckpoint(scratch.path);
      const kept = checkpoint.names().filter((name) => !name.includes("vision_tower"));
      saveCheckpoint(
        scratch.path,
        kept.map((name) => [name, checkpoint.get(name).clone()] as const),
      );
    }
    expect(await problems()).toMatch(/no vision weights, and the vision tower tiny-siglip is no folder here/);
    const tower = at("tower");
    writeTinySiglip(tower);
    const config = JSON.parse(readFileSync(at("config.json"), "utf8"));
    writeFileSync(at("config.json"), JSON.stringify({ ...config, mm_vision_tower: tower }));
    expect(await inspectFolder(scratch.path)).toMatchObject({
      problems: [],
      notes: [`no vision weights; they are read from ${tower}`],
    });
  });

  test("with modes that nobody knows", async () => {
    writeTinyModel(scratch.path, { config: { mm_projector_type: "resampler", image_aspect_ratio: "highres" } });
    const text = await problems();
    expect(text).toMatch(/mm_projector_type "resampler" is unknown/);
    expect(text).toMatch(/image_aspect_ratio is "highres"/);
  });

  test("that is an architecture with LLaDA's names", async () => {
    writeTinyModel(scratch.path, { textOnly: true, naming: "original", config: { alibi: true } });
    expect(await problems()).toMatch(/alibi is true, LLaDA has false/);
  });

  test("that is something else, or empty, or not there", async () => {
    expect((await inspectFolder(scratch.path)).kind).toBe("unknown");
    cpSync(fileURLToPath(new URL("../convert/testdata/python.json", import.meta.url)), at("config.json"));
    expect(await inspectFolder(scratch.path)).toMatchObject({ kind: "unknown", tokenizer: undefined });
    await expect(inspectFolder(at("absent"))).rejects.toThrow(/there is no folder/);
  });
});
