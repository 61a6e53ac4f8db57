/** Graphs on the tests' second device, which is as strict about them as CUDA. */
import { spawnSync } from "node:child_process";
import { copyFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { describe, expect } from "vitest";
import { locateTorch } from "../setup/index.mjs";
import {
  call,
  captureGraph,
  cat,
  type Device,
  empty,
  Generator,
  hasGraphs,
  inferenceMode,
  memory,
  ones,
  rand,
  randn,
  scope,
  synchronize,
  type Tensor,
  tensor,
  zeros,
} from "./index.js";
import type { Native } from "./native.js";
import { test } from "./testing/test.js";

const script = fileURLToPath(new URL("../test/second-device/build.mjs", import.meta.url));
const built = spawnSync(process.execPath, [script], { encoding: "utf8" });
const noCompiler = built.status === 3;
if (built.status !== 0 && !noCompiler) throw new Error(built.stderr);
process.env.REDIFF_DEVICE = built.stdout.trim();
const device = "apart:1" as Device;

test("a device without graphs says so", () => {
  expect(hasGraphs("cpu")).toBe(false);
  expect(() => captureGraph("cpu", () => ones([2]))).toThrow(
    "what is done on cpu cannot be captured: it has no graphs",
  );
});

test("two copies of this package in a process are no matter", ({ at }) => {
  const copy = at("rediff_torch.node");
  copyFileSync(locateTorch()?.addon ?? "", copy);
  const other = createRequire(import.meta.url)(copy) as Native;
  expect([hasGraphs("cpu"), other.hasGraphs("cpu")]).toEqual([false, false]);
});

describe.skipIf(noCompiler)(`a graph${noCompiler ? " (SKIPPED: there is no C++ compiler)" : ""}`, () => {
  const numbers = (t: Tensor) => t.toNumbers();

  test("does again what was captured, with what is in its buffers by then", () => {
    expect(hasGraphs(device)).toBe(true);
    scope(() =>
      inferenceMode(() => {
        const x = tensor([1, 2, 3, 4], { device });
        const kept = zeros([2, 2], { device });
        const index = tensor([0, 1], { device, dtype: "int64" });
        using graph = captureGraph(device, () => {
          const rows = x.view([2, 2]).matmul(x.view([2, 2]));
          kept.indexCopy_(0, index, rows.add(1));
          const [first, second] = rows.unbind(0) as [Tensor, Tensor];
          return { sum: cat([first, second.mul(2)], 0).sum(), view: kept.narrow(0, 0, 1) };
        });
        for (const values of [
          [1, 2, 3, 4],
          [0, 1, 1, 0],
          [2, 0, 0, 2],
        ]) {
          x.copy_(tensor(values));
          graph.replay();
          const [a = 0, b = 0, c = 0, d = 0] = values;
          const product = [a * a + b * c, a * b + b * d, c * a + d * c, c * b + d * d];
          expect(numbers(kept)).toEqual(product.map((value) => value + 1));
          const [p = 0, q = 0, r = 0, s = 0] = product;
          expect(graph.result.sum.item()).toBe(p + q + 2 * (r + s));
          expect(numbers(graph.result.view)).toEqual([p + 1, q + 1]);
        }
        // Other rows, by the same graph.
        index.copy_(tensor([1, 0], { dtype: "int64" }));
        graph.replay();
        expect(numbers(kept)).toEqual([1, 5, 5, 1]);
      }),
    );
  });

  test("computes nothing while it is captured", () => {
    scope(() => {
      const x = ones([2], { device });
      const runs: number[] = [];
      using graph = captureGraph(device, () => {
        runs.push(1);
        x.add_(1);
        return x.mul(10);
      });
      expect(runs).toHaveLength(2);
      expect(numbers(x)).toEqual([2, 2]); // of the run before, in earnest
      expect(numbers(graph.result)).toEqual([Number.NaN, Number.NaN]);
      graph.replay();
      expect(numbers(graph.result)).toEqual([30, 30]);
    });
  });

  test("gives what operators one by one give, to the bit", () => {
    scope(() =>
      inferenceMode(() => {
        using generator = new Generator(3);
        const [x, w, mask] = [randn([6, 8], generator), randn([8, 8], generator), rand([6, 8], generator).gt(0.5)];
        const [xThere, wThere, maskThere] = [x, w, mask].map((t) => t.to({ device })) as [Tensor, Tensor, Tensor];
        const body = (a: Tensor, b: Tensor, hidden: Tensor) => {
          const y = a.matmul(b).maskedFill(hidden, -1).softmax(-1);
          const [top, places] = y.maxDim(1, true);
          return y.sub(top).scatter_(1, places, 7).clamp(-3, 5).transpose(0, 1).reshape([4, 12]).exp_();
        };
        using graph = captureGraph(device, () => body(xThere, wThere, maskThere));
        graph.replay();
        expect(numbers(graph.result)).toEqual(numbers(body(x, w, mask)));
      }),
    );
  });

  const refused: Record<string, { body: (x: Tensor) => unknown; message: RegExp }> = {
    "a read": { body: (x) => x.sum().item(), message: /_local_scalar_dense.*no read while a graph is captured/ },
    "a copy to the host": { body: (x) => x.toNumbers(), message: /no read/ },
    "an upload": { body: (x) => x.add(tensor([1, 2]).to({ device })), message: /copy_.*no upload/ },
    "a size that depends on elements": { body: (x) => call("aten::nonzero", x), message: /nonzero.*no read/ },
    "a tensor of another device": {
      body: () => ones([2], { device: "apart:0" as Device }).add(1),
      message: /apart:0 while a graph of apart:1/,
    },
    "random numbers": {
      body: () => {
        using generator = new Generator(1, device);
        return rand([2], generator);
      },
      message: /no random numbers/,
    },
    "waiting for the device": { body: () => synchronize(device), message: /cannot wait/ },
    "memory that grows": { body: (x) => call("aten::resize_", x, [100]), message: /cannot grow/ },
    "another capture": { body: (x) => captureGraph(device, () => x.add(1)), message: /captured already/ },
  };
  for (const [what, { body, message }] of Object.entries(refused))
    test(`refuses ${what}, and the device goes on`, () => {
      const before = memory().tensors;
      scope(() => {
        const x = ones([2], { device });
        let runs = 0;
        // Only while it is captured: the run before it is an ordinary one.
        const inCapture = () => {
          if (++runs === 2) body(x);
          return x.add(1);
        };
        expect(() => captureGraph(device, inCapture)).toThrow(message);
        expect(numbers(x.add(1))).toEqual([2, 2]);
        using graph = captureGraph(device, () => x.add(2));
        graph.replay();
        expect(numbers(graph.result)).toEqual([3, 3]);
      });
      expect(memory().tensors).toBe(before);
      expect(call("apart::graphs")).toBe(0);
    });

  test("refuses to be replayed when memory that it reads is gone", () => {
    scope(() => {
      const [x, y] = [ones([2], { device }), ones([2], { device })];
      using graph = captureGraph(device, () => x.add(y));
      graph.replay();
      y.dispose();
      expect(() => graph.replay()).toThrow(/uses memory \(first in aten::add\) that was freed/);
    });
  });

  test("is gone with all its memory when it is disposed of", () => {
    const before = memory();
    {
      using x = empty([1000], { device });
      using graph = captureGraph(device, () => [x.fill_(1).add(1), { both: x.add(2).mul(3) }] as const);
      expect(call("apart::graphs")).toBe(1);
      graph.replay();
      expect(graph.result[1].both.toNumbers()).toEqual(new Array(1000).fill(9));
      graph[Symbol.dispose]();
      graph[Symbol.dispose]();
      expect(() => graph.replay()).toThrow("the graph was disposed of");
    }
    expect(call("apart::graphs")).toBe(0);
    expect(memory()).toEqual(before);
  });
});
