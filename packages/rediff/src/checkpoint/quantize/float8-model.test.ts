/** Models in float8: what only they have, what the CPU is told, and where they are refused. */
import { readFileSync, writeFileSync } from "node:fs";
import { openCheckpoint, scope } from "@rediff/torch";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { UserError } from "../../errors.js";
import { type LladaWeights, unrounded } from "../../models/llada/llada.js";
import { folderOfEachTest } from "../../testing/folders.js";
import { expectNoLeaks } from "../../testing/leaks.js";
import { writeTinyModel } from "../../testing/tiny-model.js";
import { fitModel } from "../inspect/fit.js";
import { loadModelFolder } from "../load-model.js";
import { quantizeModel } from "./quantize-model.js";

const { at } = folderOfEachTest();

/** The GPU is too old. */
const refusing = vi.hoisted(() => ({ reason: undefined as string | undefined, passes: false }));

vi.mock(import("@rediff/torch"), async (original) => {
  const real = await original();
  const requireFloat8: typeof real.requireFloat8 = (device) => {
    const Kind = refusing.passes ? Error : real.UnsupportedError;
    if (refusing.reason !== undefined) throw new Kind(`${device} ${refusing.reason}`);
    return real.requireFloat8(device);
  };
  return { ...real, requireFloat8 };
});

beforeEach(() => {
  expectNoLeaks();
  writeTinyModel(at("plain"));
});
afterEach(() => {
  [refusing.reason, refusing.passes] = [undefined, false];
});

const edit = (change: (config: Record<string, Record<string, unknown>>) => void) => {
  const config = JSON.parse(readFileSync(at("small", "config.json"), "utf8"));
  change(config);
  writeFileSync(at("small", "config.json"), JSON.stringify(config));
};

test("the folder says float8, and nothing of groups and rotations; what it may say of them is not read over", async () => {
  await quantizeModel(at("plain"), at("small"), { weights: "float8" });
  const { quantization_config } = JSON.parse(readFileSync(at("small", "config.json"), "utf8"));
  expect(quantization_config).toEqual({
    quant_method: "rediff",
    version: 2,
    weights: "float8",
    activations: "float8 per row",
    modules_to_not_convert: ["embed_tokens", "lm_head", "norm", "vision_tower", "mm_projector"],
  });
  for (const [key, value] of Object.entries({ rotation: "hadamard", group_size: 128, head: "int8" })) {
    edit(({ quantization_config: q }) => Object.assign(q as object, { [key]: value }));
    await expect(loadModelFolder(at("small"))).rejects.toThrow(`quantization_config.${key}: `);
    edit(({ quantization_config: q }) => delete q?.[key]);
  }
  using _ = await loadModelFolder(at("small"), { onWarning: () => {} });
});

test("the head is the model's own", async () => {
  using plain = await loadModelFolder(at("plain"));
  using rounded = await loadModelFolder(at("plain"), { quantize: "float8", onWarning: () => {} });
  const headOf = (weights: LladaWeights) => weights.head;
  scope(() => {
    const [own, kept] = [plain, rounded].map(({ llada }) => headOf(llada.weights));
    expect(kept).toMatchObject({ dtype: "float32", shape: own?.shape });
  });
});

test("on the CPU it is told once that it is slow, and what is not", async () => {
  await quantizeModel(at("plain"), at("small"), { weights: "float8" });
  for (const [folder, options] of [
    [at("plain"), { quantize: "float8" }],
    [at("small"), {}],
  ] as const) {
    const lines: string[] = [];
    using _ = await loadModelFolder(folder, { ...options, onWarning: (line) => lines.push(line) });
    expect(lines).toEqual([
      "float8 is for GPUs, and slower on the CPU than weights that are not rounded; int8 is the fast format there",
    ]);
  }
});

test("a device that multiplies none is refused before the weights are read, with int8 in its place", async () => {
  refusing.reason = "multiplies no float8";
  writeFileSync(at("plain", "model.safetensors"), "nothing that is read");
  const loading = loadModelFolder(at("plain"), { quantize: "float8" });
  await expect(loading).rejects.toThrow("cpu multiplies no float8");
  await expect(loading).rejects.toMatchObject({ hint: "Use quantize int8 with the model that is not rounded." });
});

test("a device whose memory ran out meanwhile is not said to multiply none", async () => {
  [refusing.reason, refusing.passes] = ["is out of memory", true];
  const loading = loadModelFolder(at("plain"), { quantize: "float8" });
  await expect(loading).rejects.toThrow(/^cpu is out of memory$/);
  await expect(loading).rejects.not.toBeInstanceOf(UserError);
});

test("has no groups and no head in int8, and says so", async () => {
  const round = (options: object) => quantizeModel(at("plain"), at("out"), { weights: "float8", ...options });
  await expect(round({ group: 64 })).rejects.toThrow("float8 has one scale for each output, and no groups");
  await expect(round({ head: true })).rejects.toThrow("with float8 the head stays as it is");
  await round({ head: false });
});

test("weights that were cast to float8 by somebody else are what they stand for", async () => {
  writeTinyModel(at("cast"), { dtype: "float8_e4m3fn" });
  using model = await loadModelFolder(at("cast"));
  expect([model.quantization, model.dtype]).toEqual([undefined, "float32"]);
  using stored = openCheckpoint(at("cast"));
  scope(() => {
    const name = "model.layers.0.self_attn.q_proj.weight";
    const query = unrounded(model.llada).weights.blocks[0]?.query;
    expect(stored.info(name).dtype).toBe("float8_e4m3fn");
    expect(query?.dtype).toBe("float32");
    expect(query?.toNumbers()).toEqual(stored.get(name).toNumbers());
    expect(query?.abs().amax([]).item()).toBeGreaterThan(0);
  });
});

test("what fits is measured of a float8 model as it is", async () => {
  await quantizeModel(at("plain"), at("small"), { weights: "float8" });
  using model = await loadModelFolder(at("small"), { onWarning: () => {} });
  const fit = fitModel(model.config, { promptTokens: 20, tiles: 1, genLength: 8, steps: 2, available: 2 ** 30 });
  expect(fit.rows.map(({ dtype, quantize }) => [dtype, quantize])).toEqual([
    ["float32", "float8"],
    ["bfloat16", "float8"],
  ]);
  for (const row of fit.rows) expect(row.pass).toBeGreaterThan(0);
});
