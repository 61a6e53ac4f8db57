/** Ragged batches on the tests' second device, which has the operator that CUDA has: one call a layer, with the tokens of
 *  one call a sequence. */
import { call, type Device, inferenceMode, memory, scope, setThreads, type Tensor } from "@rediff/torch";
import { beforeAll, describe, expect, vi } from "vitest";
import { loadModelFolder } from "../checkpoint/load-model.js";
import type { CacheOptions } from "../diffusion/cache/cache-options.js";
import type { DecodeOptions } from "../diffusion/decode-options.js";
import { Decoder, type Decoding } from "../diffusion/decoder.js";
import { test } from "../testing/fixtures.js";
import { secondDevice, transfersOf } from "../testing/second-device.js";
import { writeTinyModel } from "../testing/tiny-model.js";
import { idTensor } from "./ids.js";
import { takesFlash, withPlainKernels } from "./kernels.js";
import { embed } from "./llada/llada.js";
import type { Model } from "./llava/llava.js";
import { deviceLines } from "./measured/kernel-report.js";
import { PackedLengths } from "./packed-attention.js";

process.env.REDIFF_KERNELS = "aten";
const device = secondDevice() as Device;
const LAYERS = 2;

/** What flash attention fails with, in place of being called. */
const failing = vi.hoisted(() => ({ reason: undefined as string | undefined }));

vi.mock(import("@rediff/torch"), async (original) => {
  const real = await original();
  const call: typeof real.call = (name, ...args) => {
    if (name === "aten::_flash_attention_forward" && failing.reason !== undefined) throw new Error(failing.reason);
    return real.call(name, ...args);
  };
  return { ...real, call };
});

const caches: Record<string, CacheOptions | undefined> = {
  "nothing is kept": undefined,
  "keys and values are kept": { kind: "refresh", every: 3, changed: 1, certify: false },
  "a prefix is kept": { kind: "fast-dllm", every: 3 },
  "features are kept": { kind: "dllm-cache", promptInterval: 4, genInterval: 2, transferRatio: 0.5 },
};

describe.skipIf(device === undefined)(
  `sequences end to end${device ? "" : " (SKIPPED: there is no C++ compiler)"}`,
  () => {
    beforeAll(() => setThreads(1));

    const modelIn = (folder: string, options: { kvHeads?: number } = {}, dtype: "float32" | "bfloat16" = "float32") =>
      loadModelFolder(writeTinyModel(folder, { layers: LAYERS, heads: 4, hiddenSize: 64, ...options }), {
        device,
        dtype,
      });

    const promptOf = (model: Model, length: number): Tensor =>
      inferenceMode(() =>
        scope(() =>
          embed(
            model.llada,
            idTensor(
              Array.from({ length }, (_, i) => (7 * i + length) % 400),
              device,
            ),
          ),
        ),
      );

    /** Adds `prompts[i]` before step `i` and decodes to the end. `onStep` runs each step. */
    function decode(
      model: Model,
      prompts: readonly Tensor[],
      options: Partial<DecodeOptions>,
      onStep: (step: () => void) => void = (step) => step(),
    ): number[][] {
      using decoder = new Decoder(model);
      const decodings: Decoding[] = [];
      for (let i = 0; i < prompts.length || decoder.active > 0; i++) {
        const prompt = prompts[i];
        // Answers of different lengths, so that they leave at different times.
        if (prompt !== undefined)
          decodings.push(decoder.add(prompt, { genLength: 4 + 4 * (i % 2), steps: 4, ...options }));
        onStep(() => decoder.step());
      }
      for (const decoding of decodings) decoding[Symbol.dispose]();
      return decodings.map(({ result }) => result?.tokens ?? []);
    }

    const kernels = (): string[] => String(call("apart::attended")).split("\n");

    for (const [what, cache] of Object.entries(caches))
      test(`attend once a layer, however many there are, where ${what}`, async ({ folder }) => {
        using model = await modelIn(folder, { kvHeads: 2 });
        const prompts = [5, 9, 3, 12].map((length) => promptOf(model, length));
        inferenceMode(() => takesFlash(model, 16)); // tried before anything is counted
        for (const cfgScale of cache?.kind === "dllm-cache" ? [0] : [0, 0.5])
          for (const count of [1, 2, 4]) {
            const calls: string[][] = [];
            decode(model, prompts.slice(0, count), { cache, cfgScale }, (step) => {
              transfersOf(() => {
                step();
                calls.push(kernels());
              });
            });
            for (const own of calls) expect(own, own.join("\n")).toHaveLength(LAYERS);
            const packed = calls.flat().filter((line) => line.startsWith("aten::_flash_attention_forward"));
            expect(packed.length > 0).toBe(count > 1 || cfgScale > 0);
          }
        for (const prompt of prompts) prompt.dispose();
      });

    test("are a batch where they are of one length, without a mask", async ({ folder }) => {
      using model = await modelIn(folder, { kvHeads: 2 });
      using prompt = promptOf(model, 5);
      using decoder = new Decoder(model);
      using _one = decoder.add(prompt, { genLength: 4 });
      using _other = decoder.add(prompt, { genLength: 4 });
      inferenceMode(() => takesFlash(model, 16));
      let calls: string[] = [];
      transfersOf(() => {
        decoder.step();
        calls = kernels();
      });
      // The last layer's queries may differ in number. The kernel's name is the CPU's, which takes grouped heads as they are.
      expect(calls).toEqual([
        "aten::_scaled_dot_product_flash_attention_for_cpu float [2, 4, 9, 16]",
        "aten::_flash_attention_forward float [8, 4, 16]",
      ]);
    });

    const asked: Record<string, Partial<DecodeOptions>> = {
      plainly: {},
      "with guidance": { cfgScale: 0.5 },
      revising: { revise: true, reviseStart: 0.25 },
    };
    for (const [what, cache] of Object.entries(caches))
      for (const [how, options] of Object.entries(asked)) {
        if (cache?.kind === "dllm-cache" && options.cfgScale !== undefined) continue; // refused
        test(`have the tokens of one after the other, asked ${how}, where ${what}`, async ({ folder }) => {
          // Grouped heads in one dtype, one for each in the other.
          using model = await modelIn(folder, how === "revising" ? {} : { kvHeads: 1 }, dtypeOf(how));
          const prompts = [5, 9, 3, 5].map((length) => promptOf(model, length));
          const atStart = memory();
          const packed = decode(model, prompts, { ...options, cache });
          expect(memory()).toEqual(atStart);
          expect(packed).toEqual(withPlainKernels(() => decode(model, prompts, { ...options, cache })));
          expect(packed).toEqual(prompts.map((prompt, i) => decodeOne(model, prompt, i, { ...options, cache })));
          for (const prompt of prompts) prompt.dispose();
        });
      }

    const dtypeOf = (how: string) => (how === "revising" ? "bfloat16" : "float32");

    /** As `decode` asks the one of this index. */
    const decodeOne = (model: Model, prompt: Tensor, i: number, options: Partial<DecodeOptions>): number[] =>
      decode(model, [prompt], { ...options, genLength: 4 + 4 * (i % 2) })[0] as number[];

    test("go on where the kernels change between two steps, and where others without a cache join", async ({
      folder,
    }) => {
      using model = await modelIn(folder);
      const prompts = [5, 9, 3].map((length) => promptOf(model, length));
      const atStart = memory();
      const cache = caches["keys and values are kept"] as CacheOptions;
      const wanted = withPlainKernels(() => decode(model, prompts, { cache }));
      let steps = 0;
      const changing = decode(model, prompts, { cache }, (step) =>
        steps++ % 2 === 0 ? step() : withPlainKernels(step),
      );
      expect(changing).toEqual(wanted);

      // Two that keep different things, together; then one that keeps nothing, and all are apart.
      using decoder = new Decoder(model);
      const asked = [{ cache }, {}, { cache: caches["features are kept"] }] as const;
      const add = (i: number) =>
        decoder.add(prompts[i] as Tensor, { genLength: 4 + 4 * (i % 2), steps: 4, ...asked[i] });
      using a = add(0);
      using c = add(2);
      decoder.step();
      decoder.step();
      using b = add(1);
      while (decoder.active > 0) decoder.step();
      expect([a, b, c].map(({ result }) => result?.tokens)).toEqual(
        prompts.map((prompt, i) => decodeOne(model, prompt, i, asked[i] as Partial<DecodeOptions>)),
      );
      for (const prompt of prompts) prompt.dispose();
      for (const decoding of [a, b, c]) decoding[Symbol.dispose]();
      decoder[Symbol.dispose]();
      expect(memory().tensors).toBeLessThan(atStart.tensors);
    });

    test("upload where they begin once for all layers, and again only what is new", () => {
      const seen = transfersOf(() => {
        using lengths = new PackedLengths(device, [[2, 3], [1, 1], [2, 3]]); // biome-ignore format: three lists
        for (let layer = 0; layer < LAYERS; layer++) {
          expect(lengths.of([2, 3]).longest).toBe(3);
          expect(lengths.of([1, 1]).longest).toBe(1);
          lengths.of([4, 2]);
        }
      });
      expect(seen).toEqual({ "upload aten::copy_ int [2, 3] pinned": 1, "upload aten::copy_ int [1, 3] pinned": 1 });
      using lengths = new PackedLengths(device, [[2, 3, 1]]);
      expect(lengths.of([2, 3, 1]).cumulative.toNumbers()).toEqual([0, 2, 5, 6]);
    });

    test("are told of as unknown by the doctor, where an error passes", () => {
      failing.reason = "CUDA error: an illegal memory access was encountered";
      const lines = deviceLines(["apart:0" as Device]).map(([, text]) => text);
      expect(lines[1]).toMatch(
        /^it could not be found out whether apart:0 has flash attention .* illegal memory access/,
      );
      failing.reason = undefined;
      expect(deviceLines(["apart:0" as Device])[1]?.[1]).toContain("attend in one call");
    });

    test("are told of by the doctor, for each device beside the CPU", () => {
      expect(deviceLines([device, "cpu"])).toEqual([
        [`${device} dtype`, "models are computed in bfloat16 where none is named"],
        [`${device} attention`, "several prompts attend in one call (bfloat16, heads of 128)"],
        [`${device} uploads`, "by way of pinned memory, and wait for nothing"],
        [`${device} float8`, "scales are applied within the product in bfloat16, within the product in float32"],
      ]);
      expect(deviceLines(["cpu"])).toEqual([]);
      const names = ["dtype", "attention", "uploads", "float8"];
      expect(deviceLines().map(([name]) => name)).toEqual(
        ["apart:0", "apart:1"].flatMap((each) => names.map((name) => `${each} ${name}`)),
      );
    });

    test("are not given up for an error that passes: it is told, and the next that asks tries again", () => {
      failing.reason = "CUDA out of memory. Tried to allocate 2.00 MiB.";
      inferenceMode(() => {
        const take = () => takesFlash({ device, dtype: "float32" }, 40);
        expect(take).toThrow(
          `whether ${device} has flash attention in float32 for heads of 40 (REDIFF_KERNELS=attention-each does without): CUDA out of memory`,
        );
        failing.reason = undefined;
        expect(take()).toBe(true);
        // A refusal is remembered.
        failing.reason = "FlashAttention only supports Ampere GPUs or newer.";
        const refused = () => takesFlash({ device, dtype: "float32" }, 48);
        expect(refused()).toBe(false);
        failing.reason = undefined;
        expect(refused()).toBe(false);
      });
    });

    test("are what a device is tried for, once, and not the CPU, nor outside of inference", async () => {
      const there = { device, dtype: "float32" } as const;
      expect(takesFlash(there, 16)).toBe(false);
      inferenceMode(() => {
        const first = transfersOf(() => expect(takesFlash(there, 24)).toBe(true));
        expect(first).toMatchObject({ "upload aten::copy_ int [3] pinned": 1 });
        expect(transfersOf(() => expect(takesFlash(there, 24)).toBe(true))).toEqual({});
        expect(takesFlash(there, 12), "a width that there is no kernel for").toBe(false);
        expect(takesFlash({ device, dtype: "float64" }, 16)).toBe(false);
        expect(takesFlash({ device: "cpu", dtype: "float32" }, 16)).toBe(false);
        withPlainKernels(() => expect(takesFlash(there, 16)).toBe(false));
      });
      vi.stubEnv("REDIFF_KERNELS", "aten,attention-each");
      vi.resetModules();
      const anew = await import("./kernels.js");
      inferenceMode(() => expect(anew.takesFlash(there, 16)).toBe(false));
      vi.unstubAllEnvs();
    });
  },
);
