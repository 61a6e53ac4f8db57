/** All that computes, on a device that is not the CPU: the same numbers, nothing in the wrong place, and no more between
 *  host and device than has to be. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { call, type Device, inferenceMode, memory, noGrad, scope, setThreads, type Tensor } from "@rediff/torch";
import { beforeAll, describe, expect, onTestFinished, vi } from "vitest";
import { type LoadOptions, loadModelFolder } from "../../checkpoint/load-model.js";
import { quantizeModel } from "../../checkpoint/quantize/quantize-model.js";
import type { DecodeOptions } from "../../diffusion/decode-options.js";
import { Decoder } from "../../diffusion/decoder.js";
import type { DescribeOptions } from "../../inference/request.js";
import { loadModel } from "../../inference/vision-language-model.js";
import { idTensor } from "../../models/ids.js";
import { embed } from "../../models/llada/llada.js";
import type { Model } from "../../models/llava/llava.js";
import { encodeVisuals } from "../../models/llava/vision-encoder.js";
import { isBuilt, pictureUrl, post, startTestServer } from "../../serving/testing/start.js";
import { rediffHere } from "../../testing/command-line.js";
import { pictureFolder, test } from "../../testing/fixtures.js";
import { runGoldens } from "../../testing/goldens/run-goldens.js";
import { secondDevice, transfersOf } from "../../testing/second-device.js";
import { parseRecipe } from "../../training/recipe/recipe-file.js";
import { train } from "../../training/run/trainer.js";
import type { Visual } from "../../vision/tiles/tiles.js";

// The products that the device takes, on the CPU too.
process.env.REDIFF_KERNELS = "aten";
const device = secondDevice() as Device;
const goldens = fileURLToPath(new URL("../../../../../../shared/goldens/public", import.meta.url));
const picture = join(pictureFolder, "color.jpg");
const placed = { device, dtype: "float32" } as const;

describe.skipIf(device === undefined)(`a second device${device ? "" : " (SKIPPED: there is no C++ compiler)"}`, () => {
  beforeAll(() => setThreads(1));

  test("is an option like any other where it was added, and no option where it was not", async ({ tinyModel }) => {
    const args = ["caption", picture, "--model", tinyModel, "--gen-length", "8", "--steps", "2", "--json"];
    const textOf = (stdout: string) => (JSON.parse(stdout) as { text: string }).text;
    const here = await rediffHere(...args, "--dtype", "float32");
    const there = await rediffHere(...args, "--dtype", "float32", "--device", device);
    expect(there).toMatchObject({ status: 0 });
    expect(textOf(there.stdout)).toBe(textOf(here.stdout));
    expect((await rediffHere("caption", "--help")).stdout).not.toContain("apart");

    const added = process.env.REDIFF_DEVICE as string;
    delete process.env.REDIFF_DEVICE;
    const refused = await rediffHere(...args, "--device", device);
    process.env.REDIFF_DEVICE = added;
    expect(refused.status).toBe(2);
    expect(refused.stderr).toContain("It must be cpu, cuda, cuda:N or mps.");
  });

  const asked: Record<string, DescribeOptions> = {
    plainly: { steps: 8 },
    "with revising": { revise: true, reviseStart: 0.25, tokensPerStep: 2 },
    "in blocks with a stop text": { blockLength: 8, stop: ["z"] },
    "with guidance": { cfgScale: 0.5, steps: 8 },
    "with random numbers": { temperature: 0.7, remasking: "random", seed: 3 },
    "with a cache": { cache: { promptInterval: 4, genInterval: 2, transferRatio: 0.25 } },
    "with keys and values kept": { cache: "refresh", refreshEvery: 3, revise: true, tokensPerStep: 2 },
    "with a prefix kept": { cache: "fast-dllm", refreshEvery: 3, blockLength: 8 },
    "with shares of all tokens": { confidenceAmong: "all", threshold: 0.2 },
    "in compat": { compat: true, revise: true, steps: 8 },
  };
  for (const [how, options] of Object.entries(asked))
    test(`answers as the CPU does: asked ${how}`, async ({ tinyModel }) => {
      const before = memory().tensors;
      const texts: string[] = [];
      for (const place of [{ device: "cpu", dtype: "float32" } as const, placed]) {
        using model = await loadModel(tinyModel, place);
        texts.push((await model.describe(picture, { genLength: 16, ...options })).text);
        texts.push((await model.refine(picture, "A green box.", { seed: 1 })).text);
      }
      expect(texts.slice(2)).toEqual(texts.slice(0, 2));
      expect(memory().tensors).toBe(before);
    });

  for (const weights of ["int8", "float8"] as const)
    test(`answers with weights in ${weights}, rounded while they are read or before`, async ({ tinyModel, folder }) => {
      const converted = join(folder, weights);
      await quantizeModel(tinyModel, converted, { weights });
      const texts: string[] = [];
      const told: string[] = [];
      const atStart = memory();
      for (const [source, options] of [
        [tinyModel, {}],
        [tinyModel, { quantize: weights }],
        [converted, {}],
      ] as const) {
        using model = await loadModel(source, { ...placed, ...options, onWarning: (line) => told.push(line) });
        const { text, quantization } = await model.describe(picture, { genLength: 16, steps: 8 });
        texts.push(text);
        expect(quantization).toBe(source === tinyModel && !("quantize" in options) ? undefined : weights);
      }
      expect(texts[2]).toBe(texts[1]);
      expect(told).toEqual([]); // float8 is slow on the CPU only
      expect(memory()).toEqual(atStart);
    });

  test("answers in float8 as the CPU does", async ({ tinyModel }) => {
    const texts: string[] = [];
    for (const place of [{ device: "cpu", dtype: "float32" } as const, placed]) {
      using model = await loadModel(tinyModel, { ...place, quantize: "float8", onWarning: () => {} });
      texts.push((await model.describe(picture, { genLength: 16, steps: 8 })).text);
    }
    expect(texts[1]).toBe(texts[0]);
  });

  test("nothing crosses in a step for float8's sake", async ({ tinyModel }) => {
    const { first, others } = await steps(tinyModel, {}, 1, { quantize: "float8" });
    for (const step of [first, ...others]) expect(step).toEqual(expect.objectContaining(answers));
    for (const step of others) expect(step).toEqual({ ...answers, ...asks });
  });

  /** What crosses in each step of decoding, the first apart. */
  async function steps(folder: string, options: Partial<DecodeOptions>, prompts = 1, load: LoadOptions = {}) {
    using model = await loadModelFolder(folder, { ...placed, ...load });
    const prompt: Tensor = noGrad(() => scope(() => embed(model.llada, idTensor([1, 2, 3, 4, 5], device))));
    using decoder = new Decoder(model);
    const decodings = Array.from({ length: prompts }, () =>
      decoder.add(prompt, { genLength: 16, steps: 8, ...options }),
    );
    const seen: Record<string, number>[] = [];
    while (decoder.active > 0) {
      const counts: Record<string, number> = {};
      // Sizes change from step to step.
      for (const [line, count] of Object.entries(transfersOf(() => decoder.step()))) {
        const name = line.replace(/ aten::copy_/, "").replace(/\d+(?=[,\]])/g, "n");
        counts[name] = (counts[name] ?? 0) + count;
      }
      seen.push(counts);
    }
    for (const decoding of decodings) decoding[Symbol.dispose]();
    prompt.dispose();
    const [first = {}, ...others] = seen;
    return { first, others };
  }

  const answers = { "read double [n]": 1 };
  // What was written, with where; and which positions are asked for. From pinned memory, as all uploads: nothing waits.
  const asks = { "upload long int [n] pinned": 2 };
  const rows = { "upload bool [n, n] pinned": 1 };
  const several = { "upload int [n, n] pinned": 1 }; // where each of several sequences begins
  const decoded: Record<string, { options: Partial<DecodeOptions>; prompts?: number; each: Record<string, number> }> = {
    "two lists of ids": { options: {}, each: { ...answers, ...asks } },
    "where each of two sequences begins with guidance": {
      options: { cfgScale: 0.5 },
      each: { ...answers, ...asks, ...several },
    },
    "no more with a cache": {
      options: { cache: { kind: "dllm-cache", promptInterval: 4, genInterval: 2, transferRatio: 0.25 } },
      each: { ...answers, ...asks },
    },
    "its rows, and the positions of all rows, where keys and values are kept": {
      options: { cache: { kind: "refresh", every: 3, changed: 1, certify: false } },
      each: { ...answers, "upload long int [n] pinned": 4 },
    },
    "the same where they are kept twice, for guidance": {
      options: { cfgScale: 0.5, cache: { kind: "fast-dllm", every: 3 } },
      each: { ...answers, ...several, "upload long int [n] pinned": 4 },
    },
    "no more with random numbers, which are drawn there": {
      options: { temperature: 0.5, remasking: "random" },
      each: { ...answers, ...asks },
    },
    "and which rows are banned, where bans have places": {
      options: { banned: [{ ids: [9] }, { ids: [5, 6], positions: [1, 15] }] },
      each: { ...answers, ...asks, ...rows },
    },
    "one list more for each further prompt, and where each begins": {
      options: {},
      prompts: 3,
      each: { ...answers, ...several, "upload long int [n] pinned": 4 },
    },
  };
  for (const [what, { options, prompts, each }] of Object.entries(decoded))
    test(`a step of decoding reads once and uploads ${what}`, async ({ tinyModel }) => {
      const { first, others } = await steps(tinyModel, options, prompts);
      expect(others.length).toBeGreaterThan(4);
      for (const step of others) {
        expect(step).toMatchObject(answers);
        for (const [line, count] of Object.entries(step)) expect(count, line).toBeLessThanOrEqual(each[line] ?? 0);
      }
      // Rotary tables, once for a length.
      const sequences = (prompts ?? 1) * (options.cfgScale === undefined ? 1 : 2);
      expect(first).toMatchObject({ ...answers, "upload float [n, n, n, n] pinned": 2 * sequences });
    });

  test("a step with revising says beside which rows are masks", async ({ tinyModel }) => {
    for (const options of [
      { revise: true, reviseStart: 0.25 },
      { revise: true, reviseTopk: 0.5, reviseStart: 0.5 },
    ]) {
      const { others } = await steps(tinyModel, options);
      for (const step of others)
        for (const [line, count] of Object.entries(step))
          expect(count, line).toBeLessThanOrEqual({ ...answers, ...asks, ...rows }[line] ?? 0);
    }
  });

  test("a picture crosses as bytes, and nothing waits for it", async ({ tinyModel }) => {
    using model = await loadModelFolder(tinyModel, placed);
    const [tiles, tileSize] = [5, 28];
    const pixels = Uint8Array.from({ length: tiles * 3 * tileSize ** 2 }, (_, i) => (i * 7) % 256);
    const visual = { kind: "picture", pixels, tiles, tileSize, imageSize: { width: 56, height: 56 } } as const;
    const wanted = encoded(await loadModelFolder(tinyModel, { device: "cpu", dtype: "float32" }), visual);
    let rows: Tensor | undefined;
    const crossed = transfersOf(() => {
      [rows] = inferenceMode(() => encodeVisuals(model, [visual]));
      pixels.fill(0); // the caller's again
    });
    expect(crossed).toEqual({
      [`upload aten::copy_ unsigned char [${pixels.length}] pinned`]: 1,
      "upload aten::copy_ float [256] pinned": 1,
    });
    for (const [i, value] of (rows?.toNumbers() ?? []).entries()) expect(value).toBeCloseTo(wanted[i] as number, 4);
    rows?.dispose();
  });

  /** On the CPU. */
  function encoded(model: Model, visual: Visual): number[] {
    using owned = model;
    const [rows] = inferenceMode(() => encodeVisuals(owned, [visual]));
    using own = rows as Tensor;
    return own.toNumbers();
  }

  describe("a training", () => {
    const recipe = (folder: string, model: string, keys: Record<string, unknown>) => {
      const data = join(folder, "data.jsonl");
      const lines = Array.from({ length: 6 }, (_, i) =>
        JSON.stringify({
          id: `s${i}`,
          ...(i % 3 !== 2 && { image: "color.jpg" }),
          conversations: [
            { from: "human", value: i % 3 !== 2 ? "<image>\nDescribe." : "How many?" },
            { from: "gpt", value: `Number ${i} is ${"very ".repeat(i % 3)}flat.` },
          ],
        }),
      );
      writeFileSync(data, `${lines.join("\n")}\n`);
      const common = { model, data, image_folder: pictureFolder, image_grid_pinpoints: "(1x1),...,(2x2)", workers: 0 };
      const steps = { batch_size: 2, epochs: 2, learning_rate: 1e-3, max_length: 512, objective: "rediff" };
      return parseRecipe(JSON.stringify({ ...common, ...steps, dtype: "float32", ...keys }), "test.yaml");
    };
    test("reads twice in a step: the losses, and the norm of the gradients", async ({ tinyModel, folder }) => {
      const reads: string[][] = [];
      const begin = () => void call("apart::record", true);
      await train(recipe(folder, tinyModel, { device, output: join(folder, "output"), save: { every: 0, keep: 0 } }), {
        onStart: begin,
        onStep: () => {
          reads.push(
            String(call("apart::recorded"))
              .split("\n")
              .filter((line) => line.startsWith("read")),
          );
          begin();
        },
      });
      call("apart::record", false);
      expect(reads).toHaveLength(6);
      for (const step of reads)
        expect(step).toEqual([
          expect.stringMatching(/^read aten::copy_ float \[\d+\]$/),
          "read aten::_local_scalar_dense float []",
        ]);
    });

    const kinds: Record<string, Record<string, unknown>> = {
      "of the whole model": { ema: { decay: 0.9 } },
      "with the optimizer on the host": { offload: true },
      "of adapters": { lora: { rank: 4 } },
      "that keeps all activations, and clips": { checkpointing: "none", max_grad_norm: 0.1 },
    };
    for (const [kind, keys] of Object.entries(kinds))
      test(`${kind} has the CPU's losses, interrupted or not`, async ({ tinyModel, folder }) => {
        const losses: Record<string, number[]> = { cpu: [], whole: [], resumed: [] };
        const run = async (name: string, place: Device, stopAfter?: number) => {
          const save = { every: 2, keep: 1 };
          const output = join(folder, name);
          const settled = recipe(folder, tinyModel, { ...keys, device: place, output, save });
          const requests = { save: false, stop: false };
          await train(settled, {
            requests,
            onStep: ({ step, loss }) => {
              losses[name]?.push(loss);
              if (step === stopAfter) requests.stop = true;
            },
          });
        };
        const before = memory().tensors;
        await run("cpu", "cpu");
        await run("whole", device);
        await run("resumed", device, 3);
        expect(losses.resumed).toHaveLength(3);
        await run("resumed", device);
        expect(losses.resumed).toEqual(losses.whole);
        expect(losses.whole).toHaveLength(losses.cpu?.length ?? 0);
        // The head goes in tiles on a CPU, whose sums round in another order.
        for (const [i, loss] of (losses.cpu ?? []).entries())
          expect(Math.abs((losses.whole?.[i] ?? 0) / loss - 1)).toBeLessThan(1e-5);
        expect(memory().tensors).toBe(before);
      });
  });

  test.skipIf(!isBuilt)("a server's model answers from there as from the CPU, and counts graphs", async () => {
    onTestFinished(() => void vi.unstubAllEnvs());
    const answers: string[] = [];
    const shown: string[][] = [];
    for (const [load, kernels] of [
      [{}, "aten"],
      [placed, "aten"],
      [placed, "aten,graphs"],
    ] as const) {
      vi.stubEnv("REDIFF_KERNELS", kernels);
      await using started = await startTestServer({ engine: { load } });
      const content = [
        { type: "image_url", image_url: { url: pictureUrl() } },
        { type: "text", text: "What is it?" },
      ];
      const request = { messages: [{ role: "user", content }], max_tokens: 12, revise: true };
      const both = await Promise.all([1, 2].map(() => post(started.url, "/v1/chat/completions", request)));
      for (const { status, body } of both) {
        expect(status).toBe(200);
        answers.push((body as { choices: { message: { content: string } }[] }).choices[0]?.message.content ?? "");
      }
      const lines = async () => {
        const text = await (await fetch(`${started.url}/metrics`)).text();
        return text.split("\n").filter((line) => /^rediff_(\w*graph|forward_seconds_count)/.test(line));
      };
      // Passes are told of late.
      await expect.poll(lines, { timeout: 10_000 }).not.toContain("rediff_forward_seconds_count 0");
      shown.push((await lines()).filter((line) => line.includes("graph")));
    }
    expect(new Set(answers).size).toBe(1);
    const all = expect.arrayContaining(
      ["ordinary", "captured", "replayed"].map((kind) => expect.stringContaining(kind)),
    );
    expect(shown).toEqual([[], [], all]);
  });

  // Small gradients are differences of large ones, and this device's kernels sum in an order that depends on the
  // processor. What is on the wrong device, or not copied, is wrong by far more.
  const LEEWAY = 4;

  // Last: their models stay until the garbage is collected.
  for (const group of ["features", "llm_forward", "generation", "misc", "train_loss", "train_steps"])
    test.skipIf(!existsSync(goldens))(`holds the goldens of ${group}`, async () => {
      const lines: string[] = [];
      const { passed, failed } = await runGoldens(goldens, {
        only: `/${group}/`,
        device,
        leeway: LEEWAY,
        print: (line) => lines.push(line),
      });
      expect(failed, lines.filter((line) => line.startsWith("failed")).join("\n")).toBe(0);
      expect(passed).toBeGreaterThan(0);
    });
});
