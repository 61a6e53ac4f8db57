import { memory, zeros } from "@rediff/torch";
import { expect, test } from "vitest";
import { loadModelFolder } from "../../checkpoint/load-model.js";
import { modelShapes } from "../../checkpoint/tensor-names.js";
import { UserError } from "../../errors.js";
import { folderOfFile } from "../../testing/folders.js";
import { writeTinyModel } from "../../testing/tiny-model.js";
import { namedTensors, type TunablePart, trainable } from "./parameters.js";

const { at } = folderOfFile();
const folder = writeTinyModel(at("model"));
const textOnly = writeTinyModel(at("text"), { textOnly: true });

test.each([folder, textOnly])("every tensor of a checkpoint, each once, with its shape", async (path) => {
  using model = await loadModelFolder(path);
  const found = namedTensors(model).map(({ name, tensor }): [string, number[]] => [name, tensor.shape]);
  expect(new Map(found)).toEqual(new Map(modelShapes(model.config)));
  expect(found).toHaveLength(modelShapes(model.config).size);
});

test("parts: learning rates and weight decay as in the reference", async () => {
  using model = await loadModelFolder(folder);
  const of = (pattern: RegExp) => namedTensors(model).filter(({ name }) => pattern.test(name));
  const kinds = (pattern: RegExp) => [...new Set(of(pattern).map(({ part, decays }) => `${part} ${decays}`))];
  expect(kinds(/image_newline|embed_tokens|lm_head|self_attn\.q_proj\.weight$/)).toEqual([
    "language true",
    "vision true",
  ]);
  expect(kinds(/model\.layers.*layernorm|model\.norm/)).toEqual(["language false"]);
  expect(kinds(/mm_projector.*weight/)).toEqual(["projector true"]);
  expect(kinds(/mm_projector.*bias/)).toEqual(["projector false"]);
  expect(kinds(/vision_tower.*(bias|layer_norm\d\.weight|post_layernorm)/)).toEqual(["vision false"]);
  expect(kinds(/position_embedding|patch_embedding\.weight/)).toEqual(["vision true"]);
});

test.each<[TunablePart[], RegExp]>([
  [["mm_mlp_adapter"], /^model\.mm_projector\./],
  [["mm_vision_tower"], /vision_tower(?!.*post_layernorm)/],
  [["mm_language_model"], /^(?!.*(vision_tower|mm_projector))/],
  [["mm_vision_tower", "mm_mlp_adapter", "mm_language_model"], /^(?!.*post_layernorm)/],
  [["mm_vision_resampler", "mm_mlp_adapter"], /^model\.mm_projector\./],
])("%j", async (parts, pattern) => {
  using model = await loadModelFolder(folder);
  using tuned = trainable(model, parts);
  const wanted = [...modelShapes(model.config).keys()].filter((name) => pattern.test(name));
  expect(tuned.parameters.map(({ name }) => name).sort()).toEqual(wanted.sort());
  expect(wanted.length).toBeGreaterThan(3);
});

test("nothing to train is an error that names the parts", async () => {
  using model = await loadModelFolder(textOnly);
  expect(() => trainable(model, ["mm_mlp_adapter"])).toThrow(UserError);
  expect(() => trainable(model, ["mm_mlp_adapter"])).toThrow('nothing to train: mm_tunable_parts is "mm_mlp_adapter"');
});

test("disposing frees the gradients, and the model stays", async () => {
  using model = await loadModelFolder(folder);
  const before = memory();
  {
    using tuned = trainable(model, ["mm_language_model"]);
    for (const parameter of tuned.parameters) parameter.gradient = zeros(parameter.weight.shape);
  }
  expect(memory()).toEqual(before);
});
