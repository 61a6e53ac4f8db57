import { cpSync, rmSync, writeFileSync } from "node:fs";
import { ones, scope } from "@rediff/torch";
import { expect, test } from "vitest";
import { folderOfEachTest } from "../../testing/folders.js";
import { writePeftAdapter } from "../../testing/peft-adapter.js";
import { writeTinyModel } from "../../testing/tiny-model.js";
import { inspectFolder } from "./inspect-folder.js";
import { inspectionJson, inspectionText } from "./inspection-report.js";

const { at } = folderOfEachTest();

function adapter(base = at("base")): string {
  const layer = (n: number) => `model.layers.${n}`;
  return scope(() =>
    writePeftAdapter(at("adapter"), {
      base,
      modules: {
        [`${layer(0)}.self_attn.q_proj`]: [64, 64],
        [`${layer(1)}.self_attn.q_proj`]: [64, 64],
        [`${layer(1)}.mlp.up_proj`]: [128, 64],
      },
      tensors: { "base_model.model.model.mm_projector.0.bias": ones([64]) },
    }),
  );
}

test("an adapter: what it is, of which base, its rank and its modules", async () => {
  writeTinyModel(at("base"));
  const seen = await inspectFolder(adapter());
  expect(seen).toMatchObject({ kind: "adapter", problems: [], notes: [], picture: { tokens: 24 } });
  expect(seen.adapter).toEqual({
    base: at("base"),
    baseFolder: at("base"),
    rank: 2,
    alpha: 4,
    rslora: false,
    modules: { q_proj: 2, up_proj: 1 },
    replaced: ["model.mm_projector.0.bias"],
  });
  const text = inspectionText(seen);
  expect(text).toMatch(/^kind +low-rank adapter/m);
  expect(text).toMatch(/^rank +2, alpha 4$/m);
  expect(text).toMatch(/^corrects +q_proj \(2\), up_proj \(1\)$/m);
  expect(inspectionJson(seen)).toMatchObject({ kind: "adapter", complete: true, adapter: { base_folder: at("base") } });
});

test("without its base: what is missing, and what can be told all the same", async () => {
  const seen = await inspectFolder(adapter("/nowhere"));
  expect(seen.problems).toEqual([
    expect.stringMatching(/is an adapter of \/nowhere, and there is no such folder here/),
  ]);
  expect(seen.adapter).toMatchObject({ base: "/nowhere", baseFolder: undefined, modules: { q_proj: 2 } });
  writeTinyModel(at("base"));
  expect((await inspectFolder(at("adapter"), { base: at("base") })).problems).toEqual([]);
  await expect(inspectFolder(at("base"), { base: at("base") })).rejects.toThrow(/it is no adapter/);
});

test("of another model, of another kind, damaged, or beside a whole model", async () => {
  writeTinyModel(at("base"), { layers: 1 });
  expect((await inspectFolder(adapter())).problems).toEqual([
    expect.stringMatching(/does not fit its base: .*layers\.1/),
  ]);
  writeFileSync(at("adapter", "adapter_model.safetensors"), "");
  expect((await inspectFolder(at("adapter"))).problems).toEqual([expect.stringMatching(/0 bytes are too few/)]);
  rmSync(at("adapter", "adapter_model.safetensors"));
  expect((await inspectFolder(at("adapter"))).problems).toEqual([expect.stringMatching(/and no adapter_model/)]);
  writeFileSync(at("adapter", "adapter_config.json"), JSON.stringify({ peft_type: "IA3" }));
  expect((await inspectFolder(at("adapter"))).problems[0]).toMatch(/an adapter of type IA3/);
  cpSync(at("base", "model.safetensors"), at("adapter", "model.safetensors"));
  expect((await inspectFolder(at("adapter"))).problems[0]).toMatch(/both the weights of a whole model/);
});
