/** The recipes that come with the project: each can be read, they form a chain, and their numbers are those of the
 *  original's scripts. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { type RecipeKeys, recipeKeys } from "./recipe.js";
import { readRecipe } from "./recipe-file.js";
import { RENAMED_FLAGS } from "./renamed-flags.js";

const ROOT = fileURLToPath(new URL("../../../../../recipes/", import.meta.url));
const file = (name: string) => join(ROOT, `${name}.yaml`);
const recipe = (name: string): RecipeKeys => readRecipe(file(name));
const found = readdirSync(ROOT, { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".yaml"))
  .map((path) => path.replaceAll("\\", "/").slice(0, -".yaml".length))
  .filter((name) => /^(llada-v|rediff)\//.test(name) && name !== "rediff/improve"); // a recipe of the loop

/** Name; rates; batch x accumulation on nodes x GPUs; length; workers; save every, keep. One row a script. */
type Script = [
  name: string,
  lr: number,
  visionLr: number | undefined,
  batch: number,
  accumulation: number,
  nodes: number,
  gpus: number,
  length: number,
  workers: number,
  every: number,
  keep: number,
];
const SCRIPTS: Script[] = [
  ["llada-v/pretrain", 1e-3, undefined, 16, 1, 1, 4, 8192, 16, 0, 0],
  ["llada-v/sft-llava-next", 1e-5, 2e-6, 1, 2, 4, 8, 8192, 0, 5000, 1],
  ["llada-v/si-10m", 1e-5, 2e-6, 1, 4, 8, 8, 8192, 0, 5000, 10],
  ["llada-v/ov-2m", 1e-5, 2e-6, 1, 4, 8, 8, 16384, 4, 1000, 8],
  ["llada-v/visualwebinstruct", 1e-5, 2e-6, 1, 4, 8, 8, 8192, 0, 1000, 4],
  ["llada-v/mix-ov-vw", 1e-5, 2e-6, 1, 4, 8, 8, 16384, 4, 2000, 6],
  ["llada-v/finetune", 1e-5, 2e-6, 1, 2, 4, 8, 8192, 0, 5000, 1],
  ["rediff/stage1", 5e-6, 1e-6, 2, 4, 1, 8, 8192, 0, 1000, 2],
  ["rediff/stage2", 5e-6, 1e-6, 2, 4, 1, 8, 8192, 0, 1000, 2],
  ["rediff/finetune", 1e-5, 2e-6, 2, 4, 1, 8, 8192, 0, 1000, 4],
];

test("there is a recipe for every script, and no other", () => {
  expect([...found].sort()).toEqual(SCRIPTS.map(([name]) => name).sort());
});

describe.each(SCRIPTS)("%s", (name, lr, visionLr, batch, accumulation, nodes, gpus, length, workers, every, keep) => {
  const plain = name === "llada-v/pretrain";

  test("has the numbers of its script", () => {
    const r = recipe(name);
    expect(r.learning_rate).toBe(lr);
    expect(r.mm_vision_tower_lr).toBe(visionLr);
    expect(r.batch_size).toBe(batch);
    expect(r.gradient_accumulation_steps).toBe(accumulation * nodes * gpus);
    expect([r.max_length, r.workers, r.save.every, r.save.keep]).toEqual([length, workers, every, keep]);
    expect(r.mm_tunable_parts).toEqual(
      plain ? ["mm_mlp_adapter"] : ["mm_vision_tower", "mm_mlp_adapter", "mm_language_model"],
    );
    expect([r.group_by_modality_length, r.drop_last]).toEqual([!plain, !plain]);
    expect([r.template, r.image_aspect_ratio, r.mm_patch_merge_type, r.image_grid_pinpoints]).toEqual(
      plain
        ? ["llada_plain", "square", "flat", null]
        : ["llava_llada", "anyres_max_4", "spatial_unpad", "(1x1),...,(6x6)"],
    );
    const hasVideo = ["llada-v/ov-2m", "llada-v/visualwebinstruct", "llada-v/mix-ov-vw"].includes(name);
    expect(r.frames_upbound).toBe(hasVideo ? 32 : 0);
    const secondFolder = ["llada-v/mix-ov-vw", "rediff/stage1", "rediff/stage2"].includes(name);
    expect(r.image_folder_2 !== undefined).toBe(secondFolder);
    expect(r.objective).toBe(name.startsWith("rediff/") ? "rediff" : "llada_v");
  });

  test("has what all scripts have in common", () => {
    expect(recipe(name)).toMatchObject({
      epochs: 1,
      weight_decay: 0,
      betas: [0.9, 0.999],
      eps: 1e-8,
      schedule: "cosine",
      warmup_ratio: 0.03,
      max_grad_norm: 1,
      seed: 42,
      dtype: "bfloat16",
      tf32: true,
      master_weights: true,
      checkpointing: "blocks",
      accumulation_weighting: "micro_batch",
      loss_weighting: "code",
      conversation_mask: false,
      compat: false,
      logging: { every: 1, tensorboard: true },
    });
  });

  test("says itself what a script says, rather than leaving it to defaults", () => {
    const written = Object.keys(parse(readFileSync(file(name), "utf8")) as object);
    for (const key of ["model", "output", "data", "learning_rate", "batch_size", "max_length", "seed", "save", "dtype"])
      expect(written).toContain(key);
    if (!plain) expect(written).toContain("mm_vision_tower_lr");
  });
});

describe("the chain", () => {
  test.each([
    ["llada-v/pretrain", "llada-v/sft-llava-next"],
    ["llada-v/pretrain", "llada-v/si-10m"],
    ["llada-v/si-10m", "llada-v/ov-2m"],
    ["llada-v/ov-2m", "llada-v/visualwebinstruct"],
    ["llada-v/visualwebinstruct", "llada-v/mix-ov-vw"],
    ["llada-v/mix-ov-vw", "llada-v/finetune"],
    ["llada-v/mix-ov-vw", "rediff/stage1"],
    ["rediff/stage1", "rediff/stage2"],
    ["llada-v/mix-ov-vw", "rediff/finetune"],
  ])("what %s writes, %s starts from", (from, to) => expect(recipe(to).model).toBe(recipe(from).output));

  test("no two stages write into the same folder", () => {
    const outputs = found.map((name) => recipe(name).output);
    expect(new Set(outputs).size).toBe(outputs.length);
  });

  test("stage 1 alone needs a tower from outside", () => {
    for (const name of found) expect(recipe(name).vision_tower !== undefined).toBe(name === "llada-v/pretrain");
  });
});

test("renamed flags point to keys that exist, and are no keys themselves", () => {
  const keys = recipeKeys();
  for (const [flag, hint] of Object.entries(RENAMED_FLAGS)) {
    expect(keys).not.toContain(flag);
    const named = /here it is `(\w+)`/.exec(hint)?.[1];
    if (named !== undefined) expect(keys).toContain(named);
  }
});

test("the demo's recipes form a chain, and each can be read", () => {
  const names = ["captions", "colors", "long", "related", "tower", ""].map((name) =>
    ["llada-v", name].filter(Boolean).join("-"),
  );
  const chain = ["align-one", "align", ...names, "rediff-stage1"].map((name) => recipe(`demo/${name}`));
  const [forms, continued] = [recipe("demo/continued-forms"), recipe("demo/continued")];
  expect(forms.model).toBe(recipe("demo/rediff-stage1").model);
  expect(continued.model).toBe(forms.output);
  // No fewer samples than stage 1, of 86,000, and two rounds of stage 2 have together: docs/embedded-model.md says what the
  // third has beyond that.
  const samples = ({ max_steps = 0, batch_size }: { max_steps?: number | undefined; batch_size: number }) =>
    max_steps * batch_size;
  const round = parse(readFileSync(file("demo/rediff-stage2"), "utf8")) as { max_steps: number; batch_size: number };
  expect(samples(forms) + samples(continued)).toBeGreaterThanOrEqual(86_000 + 2 * samples(round));
  for (const [i, { model }] of chain.entries()) if (i > 0) expect(model).toBe(chain[i - 1]?.output);
  expect(chain.map(({ objective }) => objective)).toEqual([...Array(8).fill("llada_v"), "rediff"]);
});
