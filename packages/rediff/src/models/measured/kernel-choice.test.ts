import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { memory } from "@rediff/torch";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { folderOfEachTest } from "../../testing/folders.js";
import { chosenKernels, type KernelChoice, kernelSettings, threadsOf } from "./kernel-choice.js";
import { kernelLines } from "./kernel-report.js";
import { measureKernels } from "./kernel-times.js";
import { instructionsIn, kernelsKey, processorText } from "./processor.js";
import { type KernelTimes, keepTimes, type MeasuredTimes, readTimes } from "./times-file.js";
import { fasterThan, leastTimes } from "./timing.js";

const scratch = folderOfEachTest();

/** An AVX2 processor without bfloat16's units. */
const own: MeasuredTimes = {
  few: { aten: 4, onednn: 3.6 },
  many: { aten: 30, onednn: 36 },
  bfloat16: {
    few: { native: 2, float32: 6, tiles: 3 },
    some: { native: 64, float32: 20, tiles: 12 },
    many: { native: 256, float32: 37, tiles: 40 },
  },
  attention: { fused: 5, products: 6 },
  bfloat16Attention: { native: 9, float32: 6 },
  bfloat16Gate: { fused: 3, operators: 2.9 },
  threads: [],
};
const times = (change: Partial<MeasuredTimes> = {}): KernelTimes => ({
  ...{ format: 5, processor: "Test, avx2", torch: "2.8.0", measured: "2026-11-29T12:00:00.000Z" },
  ...own,
  ...change,
});

describe("what is chosen", () => {
  const choice = (change: Partial<MeasuredTimes> = {}): KernelChoice => chosenKernels(times(change));

  test("is the faster one, for few and for many rows apart", () => {
    expect(choice()).toMatchObject({ few: "onednn", many: "aten", attention: "fused" });
    expect(choice({ many: { aten: 36, onednn: 30 } }).many).toBe("onednn");
    expect(choice({ attention: { fused: 6, products: 5 } }).attention).toBe("products");
    expect(choice().bfloat16Attention).toBe("float32");
    expect(choice({ bfloat16Gate: { fused: 3, operators: 2 } }).bfloat16Gate).toBe("operators");
  });

  test("is libtorch's own where it is a tie, or the only one", () => {
    expect(choice({ many: { aten: 30, onednn: 28.5 } }).many).toBe("aten");
    expect(choice({ many: { aten: 30 } }).many).toBe("aten");
    expect(choice({ attention: { fused: 5, products: 4.8 } }).attention).toBe("fused");
    expect(choice({ bfloat16Attention: { native: 9, float32: 8.5 } }).bfloat16Attention).toBe("native");
    expect(choice().bfloat16Gate).toBe("fused");
  });

  test("bfloat16 products go by the fastest way of their number of rows", () => {
    // Up to 128 rows native takes 0.5 ms a row, tiles 2.71 ms and 0.073 a row.
    expect(choice().bfloat16).toEqual([
      { from: 1, kernel: "native" },
      { from: 7, kernel: "tiles" },
    ]);
    // float32 5.55 ms and 0.113 a row.
    expect(choice().bfloat16Training).toEqual([
      { from: 1, kernel: "native" },
      { from: 20, kernel: "float32" },
    ]);
    const cast = { ...own.bfloat16, many: { native: 256, float32: 30, tiles: 60 } };
    expect(choice({ bfloat16: cast }).bfloat16).toEqual([
      { from: 1, kernel: "native" },
      { from: 7, kernel: "tiles" },
      { from: 269, kernel: "float32" },
    ]);
    const without = (few: [number, number], some: [number, number], many: [number, number]) => {
      const [a, b, c] = [few, some, many].map(([native, float32]) => ({ native, float32 }));
      return choice({ bfloat16: { few: a, some: b, many: c } as MeasuredTimes["bfloat16"] }).bfloat16;
    };
    expect(without([9, 6], [40, 15], [90, 20])).toEqual([{ from: 1, kernel: "float32" }]);
    expect(without([1, 2], [3, 3], [8, 7])).toEqual([{ from: 1, kernel: "native" }]);
  });

  test("for whatever times there are: a kernel that lost by more than the margin is never taken", () => {
    const ms = fc.double({ min: 1e-3, max: 1e3, noNaN: true });
    fc.assert(
      fc.property(ms, ms, (aten, onednn) => {
        const { many } = choice({ many: { aten, onednn } });
        expect({ aten, onednn }[many]).toBeLessThanOrEqual(1.08 * Math.min(aten, onednn));
      }),
    );
    fc.assert(
      fc.property(fc.array(ms, { minLength: 9, maxLength: 9 }), (list) => {
        const at = (i: number) => ({
          native: list[i] as number,
          float32: list[i + 1] as number,
          tiles: list[i + 2] as number,
        });
        const bfloat16 = { few: at(0), some: at(3), many: at(6) };
        const chosen = choice({ bfloat16 }).bfloat16;
        expect(chosen[0]?.from).toBe(1);
        for (const [name, rows] of [
          ["few", 4],
          ["some", 128],
          ["many", 512],
        ] as const) {
          const kernel = chosen.findLast(({ from }) => from <= rows)?.kernel ?? "native";
          expect(bfloat16[name][kernel]).toBeLessThanOrEqual(1.25 * 1.08 * Math.min(...Object.values(bfloat16[name])));
        }
      }),
    );
  });

  test("threads: fewer only when that is clearly faster", () => {
    expect(threadsOf(times())).toBeUndefined();
    const two = (ms: number) =>
      times({
        threads: [
          { threads: 8, ms: 10 },
          { threads: 4, ms },
        ],
      });
    expect([threadsOf(two(9.5)), threadsOf(two(7)), threadsOf(two(30))]).toEqual([8, 4, 8]);
  });

  test("is told", () => {
    const lines = Object.fromEntries(kernelLines(times(), new Set(["aten"])));
    expect(lines.kernels).toBe("measured 2026-11-29 on Test, avx2, libtorch 2.8.0; REDIFF_KERNELS forces aten");
    expect(lines.float32).toBe(
      "512 rows by libtorch's own products, 1.20 times the speed of oneDNN's; 64 rows by oneDNN's products, 1.11 times the speed of libtorch's own",
    );
    expect(lines.bfloat16).toBe(
      "products as they are, from 7 rows on by way of float32 tile by tile, 6.4 times as fast at 512 rows; this processor's own at 0.12 times the rate of float32",
    );
    expect(kernelLines({ ...times(), problem: "EROFS" }, new Set())[0]?.[1]).toMatch(/every process measures: EROFS$/);
  });
});

describe("times are taken", () => {
  test("in turns, the least of each, whatever else the machine did", () => {
    let clock = 0;
    const order: string[] = [];
    const noisy = (name: string, ms: readonly number[]) => {
      let call = 0;
      return () => {
        order.push(name);
        clock += ms[call++] ?? Number.NaN;
      };
    };
    const least = leastTimes(
      { a: noisy("a", [90, 7, 50, 6]), b: noisy("b", [80, 40, 5, 70]) },
      { rounds: 3, budgetMs: 1e9, now: () => clock },
    );
    expect(least).toEqual({ a: 6, b: 5 });
    expect(order.join("")).toBe("ababbaab");
  });

  test("with a clock that stands still nothing is divided by zero", () => {
    const least = leastTimes({ a: () => undefined, b: () => undefined }, { now: () => 0 });
    expect(fasterThan("a", least)).toBe("a");
  });

  test("of every kernel that there is, and nothing is left of it", () => {
    const before = memory().tensors;
    const path = scratch.at("times.json");
    const { times: kept, problem } = keepTimes(measureKernels(), { path });
    expect(problem).toBeUndefined();
    expect(readTimes(path)).toEqual(kept);
    expect(chosenKernels(kept).few).toMatch(/aten|onednn/);
    expect(memory().tensors).toBe(before);
  });
});

describe("the file", () => {
  test("who measures first decides for all", () => {
    const path = scratch.at("kernels", "times.json");
    const first = keepTimes(own, { path });
    const second = keepTimes({ ...own, many: { aten: 1 } }, { path });
    expect(second.times).toEqual(first.times);
    expect(readTimes(path)).toEqual(first.times);
    expect(keepTimes({ ...own, many: { aten: 1 } }, { path, replace: true }).times.many).toEqual({ aten: 1 });
    expect(readTimes(path)?.many).toEqual({ aten: 1 });
    expect(readdirSync(dirname(path))).toEqual(["times.json"]);
  });

  test.each([
    ["nothing", ""],
    ["no JSON", "{"],
    ["another format", JSON.stringify({ ...times(), format: 1 })],
    ["a number that is none", JSON.stringify({ ...times(), many: { aten: -1 } })],
    ["a list", "[]"],
    ["a megabyte", " ".repeat(1 << 20)],
  ])("%s in it is measured over", (_, content) => {
    const path = scratch.at("times.json");
    writeFileSync(path, content);
    expect(readTimes(path)).toBeUndefined();
    keepTimes(own, { path });
    expect(readTimes(path)).toMatchObject(own);
  });

  test("where it cannot be written the times hold all the same, and why is said", () => {
    mkdirSync(scratch.at("times.json"));
    const { times: held, problem } = keepTimes(own, { path: scratch.at("times.json") });
    expect(held).toMatchObject(own);
    expect(problem).toMatch(/EISDIR|EEXIST|ENOTEMPTY|EPERM/);
    expect(readdirSync(scratch.path)).toEqual(["times.json"]);
  });

  test("goes by the processor, what the environment leaves of it, and libtorch", () => {
    const zen = { model: "AMD EPYC", instructions: ["avx2"] };
    const keys = [
      kernelsKey("2.8.0", zen),
      kernelsKey("2.9.0", zen),
      kernelsKey("2.8.0", { ...zen, instructions: [] }),
    ];
    vi.stubEnv("ATEN_CPU_CAPABILITY", "default");
    keys.push(kernelsKey("2.8.0", zen));
    vi.unstubAllEnvs();
    expect(new Set(keys).size).toBe(4);
    expect(kernelsKey("2.8.0", zen)).toBe(keys[0]);
  });
});

test.each([
  ["flags\t\t: fpu avx2 avx512f", ["avx2", "avx512f", "fpu"]],
  ["Features\t: fp asimd bf16", ["asimd", "bf16", "fp"]],
  ["bugs: avx512_bf16", []],
  ["", []],
])("instructions, as /proc/cpuinfo has them: %j", (text, wanted) => expect(instructionsIn(text)).toEqual(wanted));

test("a processor is told by its model and its best instructions", () => {
  expect(processorText({ model: "AMD EPYC", instructions: ["avx2", "fma", "sse2"] })).toBe("AMD EPYC, avx2");
  const sapphire = ["amx_bf16", "avx2", "avx512_bf16", "avx512_vnni", "avx512f"];
  expect(processorText({ model: "Xeon", instructions: sapphire })).toBe("Xeon, amx_bf16, avx512_bf16, avx512_vnni");
});

describe("REDIFF_KERNELS", () => {
  test.each([
    ["aten,onednn", /Leave out one of aten and onednn/],
    ["bfloat16-native, bfloat16-float32", /Leave out one of bfloat16-native/],
    ["fast", /REDIFF_KERNELS is "fast".*attention-products/],
  ])("%s is refused", (value, why) => {
    expect(() => kernelSettings(value)).toThrow(expect.objectContaining({ line: expect.stringMatching(why) }));
  });

  test("is a list", () => {
    expect([...kernelSettings("onednn, bfloat16-float32,")]).toEqual(["onednn", "bfloat16-float32"]);
    expect(kernelSettings("").size).toBe(0);
  });
});

describe("a process", () => {
  beforeEach(() => {
    vi.resetModules();
    // The addon is still where it was.
    vi.doMock("@rediff/torch/setup", async (original) => ({
      ...(await original<typeof import("@rediff/torch/setup")>()),
      cacheRoot: () => scratch.path,
    }));
  });
  afterEach(() => {
    vi.doUnmock("@rediff/torch/setup");
    vi.unstubAllEnvs();
  });

  test("measures once, and keeps it for the next", async () => {
    vi.stubEnv("REDIFF_KERNELS", "");
    const { linearKernelFor, kernelTimes } = await import("./kernel-choice.js");
    const kernel = linearKernelFor(512);
    const { timesPath } = await import("./times-file.js");
    expect(existsSync(timesPath())).toBe(true);
    expect(timesPath().startsWith(scratch.path)).toBe(true);
    const text = readFileSync(timesPath(), "utf8");
    vi.resetModules();
    const next = await import("./kernel-choice.js");
    expect(next.kernelTimes()).toEqual(kernelTimes());
    expect(next.linearKernelFor(512)).toBe(kernel);
    expect(readFileSync(timesPath(), "utf8")).toBe(text);
  });

  test("that was told which ones does not measure", async () => {
    vi.stubEnv("REDIFF_KERNELS", "aten,bfloat16-float32,attention-products");
    const { attentionKernel, bfloat16ProductFor, linearKernelFor, widensAttention } = await import(
      "./kernel-choice.js"
    );
    expect([linearKernelFor(512), bfloat16ProductFor(1, true), attentionKernel()]).toEqual([
      "aten",
      "float32",
      "products",
    ]);
    expect(widensAttention(1)).toBe(true);
    expect(readdirSync(scratch.path)).toEqual([]);
  });
});
