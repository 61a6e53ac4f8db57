/** A model folder from a clone without Git LFS, or from a download that saved web pages. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { openCheckpoint as openSafetensors, SafetensorsError } from "@rediff/torch";
import { describe, expect, test } from "vitest";
import { readAskable } from "../inference/model-facts.js";
import { folderOfEachTest } from "../testing/folders.js";
import { writePeftAdapter } from "../testing/peft-adapter.js";
import { writeTinyModel } from "../testing/tiny-model.js";
import { readProjector } from "./convert/starting-projector.js";
import { inspectFolder } from "./inspect/inspect-folder.js";
import { loadModelFolder } from "./load-model.js";

const scratch = folderOfEachTest();
const { at } = scratch;
const model = () => writeTinyModel(scratch.path, { maxShardBytes: 100_000 });

const POINTER =
  "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 4976698672\n";
const PAGE = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>\n";

test("shards that are Git LFS pointers", async () => {
  model();
  const shards = readdirSync(scratch.path).filter((name) => /^model-.*\.safetensors$/.test(name));
  for (const shard of shards) writeFileSync(at(shard), POINTER);
  const load = loadModelFolder(scratch.path);
  await expect(load).rejects.toMatchObject({
    message: `${at(shards[0]!)}: is a Git LFS pointer to a file of 4976698672 bytes; expected safetensors (so are ${shards.length - 1} other weight files here)`,
    hint: expect.stringMatching(/git lfs pull/),
  });
  const { problems } = await inspectFolder(scratch.path);
  expect(problems.filter((problem) => problem.includes("is a Git LFS pointer"))).toHaveLength(shards.length);
  expect(problems.join()).not.toMatch(/is not a safetensors file/);
});

test.each([
  ["model.safetensors.index.json", /model\.safetensors\.index\.json: is an HTML page; expected JSON/],
  ["config.json", /config\.json: is an HTML page; expected JSON/],
  ["tokenizer.json", /tokenizer\.json: is an HTML page; expected a tokenizer's JSON/],
  ["tokenizer_config.json", /tokenizer_config\.json: is an HTML page/],
  ["special_tokens_map.json", /special_tokens_map\.json: is an HTML page/],
  ["chat_template.jinja", /chat_template\.jinja: is an HTML page; expected a chat template/],
  ["vision_config.json", /vision_config\.json: is an HTML page/],
])("%s that is a web page", async (name, message) => {
  model();
  writeFileSync(at(name), PAGE);
  await expect(loadModelFolder(scratch.path)).rejects.toThrow(message);
  expect((await inspectFolder(scratch.path)).problems.join("\n")).toMatch(message);
  if (!name.startsWith("model")) await expect(readAskable(scratch.path)).rejects.toThrow(message);
});

describe("beside a model", () => {
  test("an adapter's files", async () => {
    writeTinyModel(at("base"));
    const modules = { "model.layers.0.self_attn.q_proj": [64, 64] } satisfies Record<string, [number, number]>;
    writePeftAdapter(at("adapter"), { base: at("base"), modules });
    writeFileSync(at("adapter", "adapter_model.safetensors"), POINTER);
    await expect(loadModelFolder(at("adapter"))).rejects.toThrow(/adapter_model\.safetensors: is a Git LFS pointer/);
    expect((await inspectFolder(at("adapter"))).problems).toEqual([expect.stringMatching(/is a Git LFS pointer/)]);
    writeFileSync(at("adapter", "adapter_config.json"), POINTER);
    await expect(loadModelFolder(at("adapter"))).rejects.toThrow(/adapter_config\.json: is a Git LFS pointer/);
  });

  test("a projector's", () => {
    for (const name of ["mm_projector.bin", "mm_projector.safetensors"]) {
      writeFileSync(at(name), POINTER);
      expect(() => readProjector(at(name), new Map())).toThrow(/is a Git LFS pointer/);
    }
  });
});

test("other damage keeps its own words", async () => {
  model();
  const [shard = ""] = readdirSync(scratch.path).filter((name) => name.startsWith("model-00001"));
  writeFileSync(at(shard), readFileSync(at(shard)).subarray(0, 1000));
  expect(() => openSafetensors(scratch.path)).toThrow(SafetensorsError);
  await expect(loadModelFolder(scratch.path)).rejects.toThrow(SafetensorsError);
});
