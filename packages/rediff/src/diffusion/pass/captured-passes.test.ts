/** Passes that are captured once and replayed, on the tests' second device, whose graphs are as strict as CUDA's: the tokens are
 *  those of passes operator by operator on the CPU. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  call,
  captureGraph,
  type Device,
  Graph,
  inferenceMode,
  memory,
  randn,
  scope,
  setThreads,
  type Tensor,
  Generator as TorchGenerator,
} from "@rediff/torch";
import { afterEach, beforeAll, describe, expect, vi } from "vitest";
import { type LoadOptions, loadModelFolder } from "../../checkpoint/load-model.js";
import type { Model } from "../../models/llava/llava.js";
import { test } from "../../testing/fixtures.js";
import { runGoldens } from "../../testing/goldens/run-goldens.js";
import { secondDevice, transfersOf } from "../../testing/second-device.js";
import type { DecodeOptions } from "../decode-options.js";
import { Decoder, type Decoding } from "../decoder.js";
import { proofread } from "../proofread.js";
import { CapturedPasses, type GraphUse } from "./captured-passes.js";
import { HeldInputs, idList } from "./pass-inputs.js";

process.env.REDIFF_KERNELS = "aten,graphs";
const device = secondDevice() as Device;
const goldens = fileURLToPath(new URL("../../../../../../shared/goldens/public", import.meta.url));
const graphs = () => Number(call("apart::graphs"));

/** Of these lengths, the same on every device: [P, D] each */
function prompts(model: Model, lengths: readonly number[]): Tensor[] {
  using generator = new TorchGenerator(3);
  return lengths.map((length) =>
    scope(() =>
      randn([length, model.config.llada.hiddenSize], generator).to({ device: model.device, dtype: model.dtype }),
    ),
  );
}

interface Coming {
  /** The step before which it is added. */
  at?: number;
  /** The step after which it is removed. */
  until?: number;
  length: number;
  options: Partial<DecodeOptions>;
  loop?: ReturnType<typeof proofread>;
}

interface Outcome {
  /** Of each prompt, what it read after each step. */
  texts: string[][];
  use: GraphUse | undefined;
  /** What crossed in each step. */
  crossed: Record<string, number>[];
}

function decodeAll(model: Model, coming: readonly Coming[]): Outcome {
  const all = prompts(
    model,
    coming.map(({ length }) => length),
  );
  using decoder = new Decoder(model);
  const decodings: Decoding[] = [];
  const texts: string[][] = coming.map(() => []);
  const crossed: Outcome["crossed"] = [];
  for (let step = 0; step === 0 || decoder.active > 0 || coming.some(({ at = 0 }) => at >= step); step++) {
    for (const [i, { at = 0, options, loop }] of coming.entries())
      if (at === step) decodings[i] = decoder.add(all[i] as Tensor, options, loop && { loop });
    if (model.device === "cpu") decoder.step();
    else crossed.push(transfersOf(() => decoder.step()));
    for (const [i, { until }] of coming.entries()) {
      const decoding = decodings[i];
      if (decoding === undefined) continue;
      texts[i]?.push([...(decoding.result?.tokens ?? decoding.step?.tokens ?? [])].join(" "));
      if (until === step) decoder.remove(decoding);
    }
  }
  for (const each of [...decodings, ...all]) each?.[Symbol.dispose]();
  return { texts, use: decoder.graphs, crossed };
}

/** The same here and there, nothing left behind. @returns what there was */
async function compared(folder: string, coming: readonly Coming[], load: LoadOptions = {}): Promise<Outcome> {
  const before = memory().tensors;
  const outcomes: Outcome[] = [];
  for (const place of ["cpu", device] as const) {
    using model = await loadModelFolder(folder, { ...load, device: place, dtype: "float32" });
    outcomes.push(decodeAll(model, coming));
  }
  const [here, there] = outcomes as [Outcome, Outcome];
  expect(there.texts).toEqual(here.texts);
  expect([memory().tensors, graphs()]).toEqual([before, 0]);
  return there;
}

describe.skipIf(device === undefined)(`a captured pass${device ? "" : " (SKIPPED: there is no C++ compiler)"}`, () => {
  beforeAll(() => setThreads(1));
  afterEach(() => void vi.restoreAllMocks());

  const long = { genLength: 32, steps: 32 };
  const refresh = { kind: "refresh", every: 8, changed: 1, certify: true } as const;
  const replayed: Record<string, Partial<DecodeOptions>> = {
    plainly: long,
    "with revising": { ...long, revise: true, reviseStart: 0.5 },
    "with keys and values kept": { ...long, cache: refresh },
    "with both": { ...long, revise: true, cache: refresh },
    "with both, and guidance": { ...long, revise: true, cache: refresh, cfgScale: 0.5 },
    "in compat": { ...long, compat: true, revise: true },
    "by entropy, with shares of all tokens": { ...long, rule: "entropy", entropyBound: 0.01, confidenceAmong: "all" },
    "with bans": { ...long, revise: true, banned: [{ ids: [9] }, { ids: [5, 6], positions: [1, 15] }] },
    "with a suffix and a draft": { ...long, revise: true, draft: [7, 8, 9], suffix: [4, 5] },
  };
  for (const [how, options] of Object.entries(replayed))
    test(`gives the same tokens, in most of the steps: asked ${how}`, async ({ tinyModel }) => {
      const { use, crossed } = await compared(tinyModel, [{ length: 5, options }]);
      const { ordinary = 0, captured = 0, replayed = 0 } = use ?? {};
      expect(ordinary + captured + replayed).toBe(crossed.length);
      expect(replayed).toBeGreaterThan(crossed.length / 2);
      // A step that is replayed reads once, and uploads what was written and what is asked.
      const last = crossed.slice(2).map((counts) => {
        const of = (direction: string) =>
          Object.entries(counts).reduce((sum, [line, count]) => sum + (line.startsWith(direction) ? count : 0), 0);
        return [of("read"), of("upload")] as const;
      });
      expect(last.filter(([reads]) => reads !== 1)).toEqual([]);
      expect(last.filter(([, uploads]) => uploads <= 2).length).toBeGreaterThan(crossed.length / 2);
    });

  test("has what is left out of its rows planned once, whether it is captured, replayed or neither", async ({
    tinyModel,
  }) => {
    using model = await loadModelFolder(tinyModel, { device, dtype: "float32" });
    const [prompt] = prompts(model, [5]) as [Tensor];
    using decoder = new Decoder(model);
    using _decoding = decoder.add(prompt, {
      ...long,
      cache: refresh,
      banned: [{ ids: [5, 6], positions: [1, 9, 15] }],
    });
    // Whoever plans a ban asks about each position whether it is one of the ban's.
    const asked = vi.spyOn(Set.prototype, "has");
    const each: number[] = [];
    while (decoder.active > 0) {
      asked.mockClear();
      decoder.step();
      each.push(asked.mock.contexts.filter((set) => [...(set as Set<unknown>)].join() === "1,9,15").length);
    }
    vi.restoreAllMocks();
    prompt.dispose();
    expect(Math.max(...each)).toBeLessThanOrEqual(long.genLength);
    expect(Math.max(...each)).toBeGreaterThan(0);
    expect(decoder.graphs?.replayed).toBeGreaterThan(8);
  });

  test("gives the same tokens with weights in float8, and replays them", async ({ tinyModel }) => {
    const load = { quantize: "float8", onWarning: () => {} } as const;
    const { use } = await compared(tinyModel, [{ length: 5, options: { ...long, revise: true } }], load);
    expect(use?.replayed).toBeGreaterThan(16);
  });

  test("is one of a block each, in blocks", async ({ tinyModel }) => {
    for (const cache of [undefined, { kind: "fast-dllm", every: 4 } as const]) {
      const options = { ...long, blockLength: 8, ...(cache && { cache }) };
      const { use } = await compared(tinyModel, [{ length: 5, options }]);
      expect(use?.replayed).toBeGreaterThan(8);
    }
  });

  test("of a text that is proofread, and asked how likely its tokens are", async ({ tinyModel }) => {
    const options = { genLength: 12, draft: [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14] };
    const loop = proofread({ rounds: 8, threshold: 0, keep: 0.9 });
    const { use } = await compared(tinyModel, [{ length: 5, options, loop }]);
    expect((use?.captured ?? 0) + (use?.replayed ?? 0)).toBeGreaterThan(0);
  });

  test("is of the prompts that are there: others come, leave early, and end", async ({ tinyModel }) => {
    const revise = { genLength: 16, steps: 16, revise: true };
    const { use } = await compared(tinyModel, [
      { length: 5, options: { ...revise, cache: refresh } },
      { length: 9, options: { genLength: 24, steps: 24 } },
      { length: 3, at: 5, until: 9, options: revise },
      { length: 7, at: 12, options: { ...revise, cache: refresh } },
    ]);
    expect(use?.replayed).toBeGreaterThan(10);
    expect(use?.captured).toBeGreaterThan(3);
  });

  test("of several prompts that all keep keys and values", async ({ tinyModel }) => {
    const options = { ...long, revise: true, cache: refresh };
    const { use, crossed } = await compared(
      tinyModel,
      [5, 9, 4].map((length) => ({ length, options })),
    );
    expect(use?.replayed).toBeGreaterThan(crossed.length / 2);
  });

  const formats = [
    { dtype: "float32", quantize: "int8" },
    { dtype: "bfloat16", quantize: "int4" },
    { dtype: "bfloat16", quantize: "float8" },
  ] as const;
  for (const format of formats)
    test(`of weights as ${Object.values(format).join(", ")} gives what operators one by one give there`, async ({
      tinyModel,
    }) => {
      using model = await loadModelFolder(tinyModel, { device, ...format });
      const coming = [{ length: 5, options: { genLength: 16, steps: 16, revise: true, cache: refresh } }];
      const without = vi.spyOn(CapturedPasses, "of").mockReturnValueOnce(undefined);
      const plain = decodeAll(model, coming);
      without.mockRestore();
      const there = decodeAll(model, coming);
      expect(plain.use).toBeUndefined();
      expect(there.use?.replayed).toBeGreaterThan(8);
      expect(there.texts).toEqual(plain.texts);
    });

  const ordinary: Record<string, Partial<DecodeOptions>> = {
    "what is drawn": { temperature: 0.5 },
    "random confidence": { remasking: "random" },
    "rows that are chosen by what is computed": {
      cache: { kind: "dllm-cache", promptInterval: 4, genInterval: 2, transferRatio: 0.25 },
    },
  };
  for (const [what, options] of Object.entries(ordinary))
    test(`is not tried with ${what}`, async ({ tinyModel }) => {
      const { use, crossed } = await compared(tinyModel, [{ length: 5, options: { ...long, ...options } }]);
      expect(use).toEqual({ ordinary: crossed.length, captured: 0, replayed: 0 });
    });

  test("that fails says what to do, and leaves nothing behind", async ({ tinyModel }) => {
    using model = await loadModelFolder(tinyModel, { device, dtype: "float32" });
    const before = memory().tensors;
    {
      const [prompt] = prompts(model, [5]) as [Tensor];
      using decoder = new Decoder(model);
      using _decoding = decoder.add(prompt, long);
      decoder.step();
      const take = HeldInputs.prototype.ids;
      let asked = 0;
      vi.spyOn(HeldInputs.prototype, "ids").mockImplementation(function (this: HeldInputs, numbers) {
        const tensor = take.call(this, numbers);
        if (++asked === 2) tensor.toNumbers(); // a read, in the capture
        return tensor;
      });
      expect(() => decoder.step()).toThrow(/cannot be captured on apart:1: .*no read while a graph is captured/);
      vi.restoreAllMocks();
      decoder.step();
      prompt.dispose();
    }
    expect([memory().tensors, graphs()]).toEqual([before, 0]);
  });

  test("has inputs of its own, and takes no others than were planned", () => {
    scope(() =>
      inferenceMode(() => {
        using inputs = new HeldInputs([idList([1, 2]), { kind: "flags", numbers: [1, 0] }], device);
        using graph = captureGraph(device, () => {
          inputs.begin();
          return [inputs.ids([1, 2]).mul(10), inputs.flags([true, false])] as const;
        });
        inputs.fill([idList([3, 4]), { kind: "flags", numbers: [0, 1] }]);
        graph.replay();
        expect(graph.result.map((t) => t.toNumbers())).toEqual([
          [30, 40],
          [0, 1],
        ]);
        inputs.begin();
        expect(() => inputs.ids([1, 2])).toThrow("a pass asks for other ids than it was planned with");
      }),
    );
  });

  test.skipIf(!existsSync(goldens))("holds the goldens of generation", async () => {
    const replays = vi.spyOn(Graph.prototype, "replay");
    const lines: string[] = [];
    const print = (line: string) => void lines.push(line);
    const { passed, failed } = await runGoldens(goldens, { only: "/generation/", device, print });
    expect(failed, lines.filter((line) => line.startsWith("failed")).join("\n")).toBe(0);
    expect(passed).toBeGreaterThan(0);
    expect(replays.mock.calls.length).toBeGreaterThan(passed);
    expect(graphs()).toBe(0);
  });
});
