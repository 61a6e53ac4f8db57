/** Checkpoints: what is in them, which stay, and what is left when a save is killed or the disk is full. */
import { execFileSync, spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Generator, openCheckpoint, scope, type Tensor, tensor, zeros } from "@rediff/torch";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { merged } from "../../checkpoint/adapter/merged-weight.js";
import { loadModelFolder } from "../../checkpoint/load-model.js";
import { UserError } from "../../errors.js";
import { sweepLeftovers } from "../../files/whole-folder.js";
import { saying } from "../../files/write-errors.js";
import type { Model } from "../../models/llava/llava.js";
import { folderOfFile } from "../../testing/folders.js";
import { writeTinyModel } from "../../testing/tiny-model.js";
import { compiledWorkerUrl } from "../../threads/worker-url.js";
import { createAdapters, disposeAdapters, type LoraOptions, loadAdapters } from "../backward/lora.js";
import { namedTensors } from "../backward/parameters.js";
import { parseRecipe } from "../recipe/recipe-file.js";
import { exportModel, filesOf, loadProjector, loadTensors, PROJECTOR_FILE } from "./trained-model.js";
import {
  ADAPTER_FOLDER,
  type CheckpointContent,
  findCheckpoint,
  listCheckpoints,
  readState,
  removeOldCheckpoints,
  withOptimizerState,
  writeCheckpoint,
} from "./training-checkpoint.js";

const { at } = folderOfFile();
let model: Model;
let run = 0;
beforeAll(async () => {
  writeTinyModel(at("model"));
  model = await loadModelFolder(at("model"));
});
afterAll(() => {
  model[Symbol.dispose]();
});

const newOutput = () => at(`run-${++run}`);
const recipe = (text = "") => parseRecipe(`model: m\noutput: o\ndata: d.json\n${text}`, "r.yaml");
const trained = () => ({ model, config: model.config.raw, carryFrom: model.folder });

/** A checkpoint of `step` with one tensor of optimizer state. */
async function save(
  output: string,
  step: number,
  more: Partial<CheckpointContent> & { recipe?: string } = {},
  keep = 0,
  spared?: string,
) {
  using moment = tensor([step, 0.5]);
  const state = { step, epoch: 1, position: 7, totals: { samples: 9 }, recipe: recipe(more.recipe) };
  const optimizer = new Map([["exp_avg/w", moment]]);
  return await writeCheckpoint(output, { state, trained: trained(), optimizer, ...more }, { keep, spared });
}

describe("writeCheckpoint", () => {
  test("a checkpoint is a model folder with the same tensors, and with what the run needs", async () => {
    const output = newOutput();
    const folder = await save(output, 12);
    expect(readdirSync(output)).toEqual(["checkpoint-12"]);
    expect(readdirSync(folder).sort()).toEqual(
      [
        "config.json",
        "model.safetensors",
        "optimizer.safetensors",
        "special_tokens_map.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "training.json",
      ].sort(),
    );
    const again = await loadModelFolder(folder);
    const before = namedTensors(model);
    expect(namedTensors(again).map(({ name }) => name)).toEqual(before.map(({ name }) => name));
    expect(before.some(({ name }) => name.endsWith("post_layernorm.weight"))).toBe(true);
    for (const [i, { tensor }] of namedTensors(again).entries())
      scope(() => expect(tensor.toNumbers()).toEqual(before[i]!.tensor.toNumbers()));
    again[Symbol.dispose]();
  });

  test("the state comes back", async () => {
    const folder = await save(newOutput(), 3, { recipe: "learning_rate: 2.0e-6\nmax_steps: 4" });
    const state = readState(folder);
    expect(state).toMatchObject({ step: 3, epoch: 1, position: 7, totals: { samples: 9 } });
    expect(state.recipe).toEqual(recipe("learning_rate: 2.0e-6\nmax_steps: 4"));
    expect(state.versions.node).toBe(process.versions.node);
    const moment = withOptimizerState(folder, (entries) => entries.get("exp_avg/w")?.toNumbers());
    expect(moment).toEqual([3, 0.5]);
  });

  test("the newest stay, and the one just written always", async () => {
    const output = newOutput();
    for (const step of [10, 20, 30]) await save(output, step, {}, 2);
    expect(listCheckpoints(output).map(({ step }) => step)).toEqual([20, 30]);
    await save(output, 9, {}, 1);
    expect(listCheckpoints(output).map(({ step }) => step)).toEqual([9]);
    await save(output, 100, {}, 0);
    await save(output, 11, {}, 0);
    expect(listCheckpoints(output).map(({ step }) => step)).toEqual([9, 11, 100]);
    expect(findCheckpoint(output)).toBe(join(output, "checkpoint-100"));
    expect(readdirSync(output).length).toBe(3);
  });

  test("one in use stays beside the newest, and goes with the next that are too many", async () => {
    const output = newOutput();
    const first = await save(output, 1);
    const steps = () => listCheckpoints(output).map(({ step }) => step);
    for (const step of [2, 3, 4]) await save(output, step, {}, 2, first);
    expect(steps()).toEqual([1, 3, 4]);
    await removeOldCheckpoints(output, { keep: 2 });
    expect(steps()).toEqual([3, 4]);
  });

  test("what only looks like a checkpoint is none", async () => {
    const output = newOutput();
    expect(findCheckpoint(output)).toBeUndefined();
    await save(output, 5);
    mkdirSync(join(output, "checkpoint-6"));
    mkdirSync(join(output, "checkpoint-seven"));
    mkdirSync(join(output, ".checkpoint-8.saving-host-1"));
    expect(findCheckpoint(output)).toBe(join(output, "checkpoint-5"));
  });

  test("low-rank adapters are merged into the model, and there by themselves", async () => {
    const options: LoraOptions = { rank: 2, alpha: 4, targets: ["q_proj"] };
    using generator = new Generator(1);
    const adapters = createAdapters(model, options, generator);
    const name = "model.layers.1.self_attn.q_proj.weight";
    const { down, up, scale } = adapters.get(name)!;
    up.weight.fill_(0.25);
    const lora = { adapters, options, baseModel: "base", whole: [] };
    const folder = await save(newOutput(), 1, { lora, trained: { ...trained(), adapters } });
    scope(() => {
      const own = namedTensors(model).find((entry) => entry.name === name)!.tensor;
      using checkpoint = openCheckpoint(folder);
      expect(checkpoint.get(name).toNumbers()).toEqual(merged(own, down.weight, up.weight, scale).toNumbers());
      expect(checkpoint.get(name).toNumbers()).not.toEqual(own.toNumbers());
    });
    const read = await loadAdapters(model, join(folder, ADAPTER_FOLDER));
    expect(read.get(name)!.up.weight.toNumbers()).toEqual(up.weight.toNumbers());
    disposeAdapters(read);
    disposeAdapters(adapters);
  });

  test("better values than the model's own are written, in the model's dtype", async () => {
    using average = tensor(
      Array.from({ length: 64 }, (_, i) => i),
      { dtype: "float64" },
    );
    const weights = (name: string) => (name === "model.norm.weight" ? average : undefined);
    const folder = await save(newOutput(), 1, { trained: { ...trained(), weights } });
    scope(() => {
      using checkpoint = openCheckpoint(folder);
      expect(checkpoint.info("model.norm.weight").dtype).toBe("float32");
      expect(checkpoint.get("model.norm.weight").toNumbers()).toEqual(average.toNumbers());
    });
  });
});

describe("the projector alone", () => {
  test("is written where nothing else is trained, with the whole model or instead of it", async () => {
    const output = newOutput();
    const whole = await save(output, 1, { recipe: "mm_tunable_parts: mm_mlp_adapter" });
    expect(existsSync(join(whole, "model.safetensors"))).toBe(true);
    const alone = await save(output, 2, { recipe: "mm_tunable_parts: mm_mlp_adapter\nsave: {adapter_only: true}" });
    expect(readdirSync(alone).sort()).toEqual([
      "config.json",
      "mm_projector.safetensors",
      "optimizer.safetensors",
      "training.json",
    ]);
    using file = openCheckpoint(join(alone, PROJECTOR_FILE));
    expect(file.names().sort()).toEqual([
      "model.mm_projector.0.bias",
      "model.mm_projector.0.weight",
      "model.mm_projector.2.bias",
      "model.mm_projector.2.weight",
    ]);

    writeTinyModel(at("other"), { seed: 5 });
    const other = await loadModelFolder(at("other"));
    loadProjector(other, join(whole, PROJECTOR_FILE));
    scope(() => {
      for (const [i, { name, tensor }] of namedTensors(other).entries()) {
        const same = tensor.toNumbers().join() === namedTensors(model)[i]!.tensor.toNumbers().join();
        if (name.startsWith("model.mm_projector.")) expect(same).toBe(true);
        if (name === "lm_head.weight") expect(same).toBe(false);
      }
    });
    other[Symbol.dispose]();
  });

  test("is read from the original's mm_projector.bin too", async () => {
    const bin = fileURLToPath(new URL("../../checkpoint/convert/testdata/mm_projector.bin", import.meta.url));
    const python = JSON.parse(readFileSync(bin.replace("mm_projector.bin", "python.json"), "utf8")) as {
      bfloat16: Record<string, number[]>;
    };
    const [inputs, width] = ["model.mm_projector.0.weight", "model.mm_projector.2.weight"].map(
      (name) => python.bfloat16[name]!.length,
    ) as [number, number];
    const hiddenSize = Math.sqrt(width);
    writeTinyModel(at("fits"), { hiddenSize, heads: 1, visionSize: inputs / hiddenSize, visionHeads: 1 });
    const fits = await loadModelFolder(at("fits"));
    loadProjector(fits, bin);
    scope(() => {
      for (const { name, tensor } of namedTensors(fits))
        if (name.startsWith("model.mm_projector.")) expect(tensor.flatten().toNumbers()).toEqual(python.bfloat16[name]);
    });
    fits[Symbol.dispose]();
    expect(() => loadProjector(model, bin)).toThrow(/does not fit the projector/);
    expect(() => loadProjector(model, at("absent.bin"))).toThrow(UserError);
  });
});

test("exportModel writes what the recipe wants, over an older one too", async () => {
  const output = newOutput();
  using generator = new Generator(1);
  const options: LoraOptions = { rank: 2, alpha: 4, targets: ["q_proj"] };
  const adapters = createAdapters(model, options, generator);
  const files = { projectorBeside: true, lora: { adapters, options, baseModel: "base", whole: [] } };
  for (let i = 0; i < 2; i++) await exportModel(output, trained(), files);
  expect(readdirSync(output)).toEqual(expect.arrayContaining(["adapter", "model.safetensors", PROJECTOR_FILE]));
  expect(readdirSync(join(output, "adapter")).sort()).toEqual([
    "adapter_config.json",
    "adapter_model.safetensors",
    "config.json",
  ]);
  disposeAdapters(adapters);
  const alone = newOutput();
  await exportModel(alone, trained(), filesOf(recipe("mm_tunable_parts: mm_mlp_adapter\nsave: {adapter_only: true}")));
  expect(readdirSync(alone).sort()).toEqual(["config.json", PROJECTOR_FILE]);
});

test("loadTensors puts the wanted ones in place", async () => {
  writeTinyModel(at("seven"), { seed: 7 });
  const other = await loadModelFolder(at("seven"));
  loadTensors(other, model.folder, ({ part }) => part === "vision");
  scope(() => {
    for (const [i, { name, part, tensor }] of namedTensors(other).entries()) {
      const same = tensor.toNumbers().join() === namedTensors(model)[i]!.tensor.toNumbers().join();
      if (part === "vision") expect(same, name).toBe(true);
      if (name === "lm_head.weight") expect(same).toBe(false);
    }
  });
  other[Symbol.dispose]();
});

test("exportModel gives the output folder the model and leaves checkpoints and logs alone", async () => {
  const output = newOutput();
  await save(output, 4);
  writeFileSync(join(output, "metrics.jsonl"), "{}\n");
  for (let i = 0; i < 2; i++) await exportModel(output, trained());
  expect(existsSync(join(output, "metrics.jsonl"))).toBe(true);
  expect(findCheckpoint(output)).toBe(join(output, "checkpoint-4"));
  (await loadModelFolder(output))[Symbol.dispose]();
  expect(readdirSync(output).filter((name) => name.startsWith("."))).toEqual([]);
});

describe("readState", () => {
  const broken = (content: string) => {
    const folder = join(newOutput());
    mkdirSync(folder);
    writeFileSync(join(folder, "training.json"), content);
    return folder;
  };
  test.each([
    ["{", /training\.json cannot be read/],
    ["{}", /training\.json: version: /],
    [JSON.stringify({ version: 2 }), /another version/],
  ])("%s", (content, message) => {
    try {
      readState(broken(content));
      throw new Error("was read");
    } catch (error) {
      expect(error).toBeInstanceOf(UserError);
      expect((error as UserError).line).toMatch(message);
    }
  });

  test("a recipe that is not understood any more is said to be in the checkpoint", async () => {
    const folder = await save(newOutput(), 1);
    const file = join(folder, "training.json");
    writeFileSync(file, readFileSync(file, "utf8").replace('"seed": 42', '"seed": "x"'));
    expect(() => readState(folder)).toThrow(/training\.json: recipe\.seed: expected a number, got "x"/);
  });
});

describe("a full disk", () => {
  /** A small file system in memory, where the system lets us have one. */
  function mountSmall(folder: string, size: string): boolean {
    mkdirSync(folder);
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", folder], { stdio: "ignore" });
      return true;
    } catch {
      return false;
    }
  }

  test("is one clear error, leaves nothing half-written and what was saved before", async ({ skip }) => {
    const bytes = statSync(join(model.folder, "model.safetensors")).size;
    const output = newOutput();
    if (!mountSmall(output, String(Math.ceil(bytes * 1.7)))) skip("no file system can be mounted here");
    try {
      const first = await save(output, 1);
      const failure = await save(output, 2).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(UserError);
      expect((failure as UserError).message).toBe(
        `${join(output, "checkpoint-2")} cannot be written: no space left on the disk`,
      );
      expect(readdirSync(output)).toEqual(["checkpoint-1"]);
      expect(readState(first).step).toBe(1);
      (await loadModelFolder(first))[Symbol.dispose]();
    } finally {
      execFileSync("umount", [output]);
    }
  });

  test("in any file of the checkpoint, not only in the first", async () => {
    const output = newOutput();
    await save(output, 1);
    // The optimizer's file comes after the model; here its content fails as a write to a full disk does.
    const full = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    const bad = new Proxy(zeros([2]), {
      get(target, key) {
        if (key === "dtype" && existsSync(output)) throw full;
        return Reflect.get(target, key) as unknown;
      },
    });
    const failing = save(output, 2, { optimizer: new Map([["w", bad as Tensor]]) }, 1);
    await expect(failing).rejects.toThrow(/checkpoint-2 cannot be written: no space left on the disk/);
    expect(readdirSync(output)).toEqual(["checkpoint-1"]);
  });

  test("other errors stay what they are", async () => {
    await expect(saying("x", () => Promise.reject(new TypeError("a bug")))).rejects.toThrow(TypeError);
  });
});

const program = fileURLToPath(compiledWorkerUrl("../testing/save-child.js", import.meta.url));
const built = existsSync(program);

describe.skipIf(!built)(`killed while saving${built ? "" : " (SKIPPED: run npx tsc -b first)"}`, () => {
  test("at whatever moment: every checkpoint is whole, and the next start leaves nothing lying about", async () => {
    const output = newOutput();
    let last = 0;
    let saveMs = 0;
    for (let round = 0; round < 4; round++) {
      const child = spawn(process.execPath, [program, model.folder, output, String(last + 1)], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const lines = createInterface({ input: child.stdout });
      const ended = once(child, "close");
      let reported = last;
      const events = new EventEmitter();
      lines.on("line", (line) => {
        if (line !== "ready") reported = Number(line);
        events.emit(line === "ready" ? "ready" : "saved");
      });
      await Promise.race([once(events, "ready"), ended]);
      expect(child.exitCode).toBeNull();
      // How long a save takes depends on the machine: every second round is killed in its first one.
      const start = performance.now();
      if (round % 2 === 0) {
        await once(events, "saved");
        saveMs = performance.now() - start;
      }
      await sleep(Math.random() * saveMs);
      child.kill("SIGKILL");
      await ended;

      const whole = listCheckpoints(output);
      expect(whole.length).toBeLessThanOrEqual(3); // two, and a new one whose rotation did not come about
      for (const { step, folder } of whole) {
        expect(readState(folder).step).toBe(step);
        expect(withOptimizerState(folder, (entries) => entries.get("step/x")?.item())).toBe(step);
        using checkpoint = openCheckpoint(folder);
        expect(checkpoint.names().length).toBe(namedTensors(model).length);
        expect(existsSync(join(folder, "config.json"))).toBe(true);
      }
      last = whole.at(-1)?.step ?? 0;
      expect(last).toBeGreaterThanOrEqual(reported); // what was reported as saved is there
      expect(last).toBeLessThanOrEqual(reported + 1);
      await sweepLeftovers(output);
      expect(readdirSync(output).filter((name) => name.startsWith("."))).toEqual([]);
    }
    expect(last).toBeGreaterThanOrEqual(2); // the rounds that were killed after a save
  }, 120_000);
});
