import { readFileSync } from "node:fs";
import { openCheckpoint } from "@rediff/torch";
import { beforeEach, expect, test } from "vitest";
import { folderOfEachTest } from "../../testing/folders.js";
import { expectNoLeaks } from "../../testing/leaks.js";
import { writePeftAdapter } from "../../testing/peft-adapter.js";
import { type TinyModelOptions, writeTinyModel } from "../../testing/tiny-model.js";
import { namedTensors } from "../../training/backward/parameters.js";
import { loadModelFolder } from "../load-model.js";
import { mergeAdapter } from "./merge-adapter.js";

const { at } = folderOfEachTest();
beforeEach(expectNoLeaks);

const Q = "model.layers.0.self_attn.q_proj";

function write(options: TinyModelOptions = {}, module = Q): string {
  writeTinyModel(at("base"), options);
  return writePeftAdapter(at("adapter"), { base: at("base"), modules: { [module]: [64, 64] } });
}

test("what is written is the adapted model, in the base's dtype, and needs no base", async () => {
  const { notes } = await mergeAdapter(write({ dtype: "bfloat16" }), at("merged"));
  expect(notes).toEqual([`${at("adapter")} merged into ${at("base")}`]);
  using written = openCheckpoint(at("merged"));
  expect(new Set(written.names().map((name) => written.info(name).dtype))).toEqual(new Set(["bfloat16"]));
  using adapted = await loadModelFolder(at("adapter"), { dtype: "bfloat16" });
  using merged = await loadModelFolder(at("merged"), { dtype: "bfloat16" });
  const wanted = namedTensors(adapted);
  for (const [i, { name, tensor }] of namedTensors(merged).entries())
    expect(tensor.equal(wanted[i]!.tensor), name).toBe(true);
});

test("a base in LLaDA's own naming becomes the renamed layout", async () => {
  await mergeAdapter(write({ textOnly: true, naming: "original" }, "model.transformer.blocks.0.q_proj"), at("merged"));
  using written = openCheckpoint(at("merged"));
  expect(written.has(`${Q}.weight`)).toBe(true);
  expect(JSON.parse(readFileSync(at("merged", "config.json"), "utf8"))).toMatchObject({ hidden_size: 64 });
  using _ = await loadModelFolder(at("merged"));
});

test("what is no adapter, and an output in use", async () => {
  write();
  await expect(mergeAdapter(at("base"), at("merged"))).rejects.toThrow(/is no adapter/);
  await expect(mergeAdapter(at("adapter"), at("base"))).rejects.toThrow(/is read and cannot be written to/);
});
