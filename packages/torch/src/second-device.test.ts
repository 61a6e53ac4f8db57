/** The tests' second device, which has to be strict for what is tested on it to mean something. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect } from "vitest";
import {
  availableDevices,
  backward,
  call,
  captureGraph,
  type Device,
  dequantizeWeight,
  float8Linear,
  fromBuffer,
  Generator,
  linear,
  ones,
  quantizedLinear,
  quantizeWeight,
  rand,
  randn,
  receive,
  requireDevice,
  roundToFloat8,
  SafetensorsFile,
  saveSafetensors,
  scaledDotProductAttention,
  scope,
  send,
  Tensor,
  tensor,
  upload,
} from "./index.js";
import { decode, difference, readFixture } from "./testing/fixtures.js";
import { everyKind, expectSame } from "./testing/tensors.js";
import { test } from "./testing/test.js";

const script = fileURLToPath(new URL("../test/second-device/build.mjs", import.meta.url));
const built = spawnSync(process.execPath, [script], { encoding: "utf8" });
const noCompiler = built.status === 3;
if (built.status !== 0 && !noCompiler) throw new Error(built.stderr);
process.env.REDIFF_DEVICE = built.stdout.trim();
const first = "apart:0" as Device;
const device = "apart:1" as Device;

describe.skipIf(noCompiler)(`the second device${noCompiler ? " (SKIPPED: there is no C++ compiler)" : ""}`, () => {
  test("is listed before the CPU, and refused by a number that it has not", () => {
    expect(availableDevices()).toEqual(expect.arrayContaining([first, device, "cpu"]));
    expect(() => requireDevice("apart:2" as Device)).toThrow("device apart:2 is not available: there are only 2");
    expect(() => requireDevice("other" as Device)).toThrow('unknown device "other"');
  });

  test("refuses operators over two devices, but for numbers of the host where a GPU takes them", () => {
    scope(() => {
      const x = ones([2, 2], { device });
      expect(() => x.add(ones([2, 2]))).toThrow(/same device/);
      expect(() => x.add(ones([2, 2], { device: first }))).toThrow(/same device|on apart:1 and on apart:0/);
      expect(() => x.indexSelect(0, tensor([0], { dtype: "int64" }))).toThrow(/one of \[1\] is on cpu/);
      expect(() => x.indexSelect(0, tensor(0, { dtype: "int64" }))).toThrow(/is on cpu/);
      expect(() => x.matmul(ones([2, 2]))).toThrow(/is on cpu|same device/);
      using onHost = new Generator(1);
      expect(() => x.normal_(0, 1, { generator: onHost })).toThrow(/apart:1 and on cpu|cpu/);
      expect(x.add(tensor(1)).toNumbers()).toEqual([2, 2, 2, 2]);
    });
  });

  test("writes down what crosses, and what a GPU's kernels would wait for", () => {
    scope(() => {
      const x = tensor([[1, 0, 2]], { device });
      call("apart::record", true);
      x.mul(2).t().contiguous().view([3]).sum();
      expect(call("apart::recorded")).toBe("");
      x.sum().item();
      x.data("float32");
      tensor(3).to({ device });
      call("aten::nonzero", x);
      x.to({ device: first });
      expect(String(call("apart::recorded")).split("\n")).toEqual([
        "read aten::_local_scalar_dense float []",
        "read aten::copy_ float [1, 3]",
        "upload aten::copy_ float []",
        "read aten::nonzero float [1, 3]",
        "between aten::copy_ float [1, 3]",
      ]);
      call("apart::record", false);
    });
  });

  test("is uploaded to without waiting, from pinned memory, whatever becomes of the host's", () => {
    scope(() => {
      const own = new Float32Array([1, 2, 3]);
      call("apart::record", true);
      const there = upload(fromBuffer(own, [3]), device);
      const strided = upload(tensor([[1, 2], [3, 4]]).t(), device); // biome-ignore format: a matrix
      own.fill(9);
      const second = upload(fromBuffer(own, [3]), device); // may get the memory of the first, where that was given up
      expect(there.add(second).toNumbers()).toEqual([10, 11, 12]);
      expect(strided.toNumbers()).toEqual([1, 3, 2, 4]);
      expect(String(call("apart::recorded")).split("\n")).toEqual([
        "upload aten::copy_ float [3] pinned",
        "upload aten::copy_ float [2, 2] pinned",
        "upload aten::copy_ float [3] pinned",
        "read aten::copy_ float [3]",
        "read aten::copy_ float [2, 2]",
      ]);
      call("apart::record", false);
      expect([there.device, there.dtype]).toEqual([device, "float32"]);
      const host = tensor([1]);
      expect(upload(host, "cpu").add_(1).device).toBe("cpu");
      expect(host.toNumbers(), "the CPU's stays where it is").toEqual([2]);
    });
  });

  test("copies from pinned memory late: what is written into it meanwhile is uploaded, what blocks is not late", () => {
    scope(() => {
      const pinned = call("aten::pin_memory", tensor([1, 2])) as Tensor;
      expect(call("aten::is_pinned", pinned)).toBe(true);
      expect(call("aten::is_pinned", tensor([1, 2]))).toBe(false);
      const copies = [true, false].map(
        (late) => call("aten::_to_copy", pinned, undefined, undefined, device, undefined, late) as Tensor,
      );
      const third = call("aten::_to_copy", pinned, undefined, undefined, device, undefined, true) as Tensor;
      pinned.fill_(7);
      const [first, second] = copies.map((copy) => copy.toNumbers());
      expect([first, second, third.toNumbers()]).toEqual([[1, 2], [1, 2], [7, 7]]); // biome-ignore format: three pairs
    });
  });

  describe("attends to sequences end to end", () => {
    const lengths = (...starts: number[]) => tensor(starts, { dtype: "int32", device });
    const attend = (q: Tensor, k: Tensor, starts: readonly [Tensor, Tensor], most: readonly [number, number]) =>
      (call("aten::_flash_attention_forward", q, k, k, ...starts, ...most, 0, false, false) as Tensor[])[0] as Tensor;
    const rows = (count: number, heads = 2, width = 8) => ones([count, heads, width], { device });

    test("as one by one, grouped heads as well", () => {
      scope(() => {
        using generator = new Generator(3);
        const q = randn([5, 4, 8], generator);
        const k = randn([9, 2, 8], generator);
        const got = attend(q.to({ device }), k.to({ device }), [lengths(0, 2, 5), lengths(0, 3, 9)], [3, 6]);
        const own = (x: Tensor, start: number, count: number) => x.narrow(0, start, count).transpose(0, 1).unsqueeze(0);
        for (const [row, count, first, positions] of [
          [0, 2, 0, 3],
          [2, 3, 3, 6],
        ] as const) {
          const seen = own(k, first, positions);
          const wanted = scaledDotProductAttention(own(q, row, count), seen, seen, undefined, 0, false, {
            enableGqa: true,
          });
          const found = own(got.to({ device: "cpu" }), row, count)
            .sub(wanted)
            .abs()
            .amax()
            .item();
          expect(found).toBeLessThan(1e-6);
        }
      });
    });

    test("strictly", () => {
      scope(() => {
        const good = [lengths(0, 1, 3), lengths(0, 2, 3)] as const;
        expect(attend(rows(3), rows(3), good, [2, 2]).shape).toEqual([3, 2, 8]);
        const host = tensor([0, 1, 3], { dtype: "int32" });
        const wide = tensor([0, 1, 3], { dtype: "int64", device });
        const strided = tensor([[0, 9], [1, 9], [3, 9]], { dtype: "int32", device }).select(1, 0); // biome-ignore format: columns
        for (const [starts, why] of [
          [host, "are on cpu"],
          [wide, "are int32"],
          [strided, "not contiguous"],
          [lengths(0, 2, 4), "sequences of 4 rows, not 3"],
          [lengths(0, 3), "2 sequences ask 1|1 sequences ask 2|3 rows of at most 2"],
          [lengths(1, 2, 3), "the first sequence begins at 1"],
          [lengths(0, 3, 3), "3 rows of at most 2"],
          [lengths(0, 2, 1), "-1 rows"],
        ] as const) {
          expect(() => attend(rows(3), rows(3), [starts, good[1]], [2, 2]), why).toThrow(new RegExp(why));
          expect(() => attend(rows(3), rows(3), [good[0], starts], [2, 2]), why).toThrow(new RegExp(why));
        }
        expect(() => attend(rows(3, 2, 12), rows(3, 2, 12), good, [2, 2])).toThrow("width 12");
        expect(() => attend(rows(3), rows(3).to({ dtype: "float64" }), good, [2, 2])).toThrow("dtype");
        expect(() => attend(rows(3, 3), rows(3, 2), good, [2, 2])).toThrow("2 heads for 3");
        const ones1 = [lengths(0, 1, 1), lengths(0, 2, 3)] as const;
        expect(() => attend(rows(1, 2), rows(3, 1), ones1, [1, 2])).toThrow("without a row");
      });
    });
  });

  test("attends in a graph by the lengths of the moment, and nothing is uploaded in one", () => {
    scope(() => {
      const at = (...numbers: number[]) => tensor(numbers, { dtype: "int32", device });
      const [x, starts] = [
        tensor([[[1]], [[2]], [[6]]], { device })
          .expand([3, 1, 8])
          .contiguous(),
        at(0, 1, 3),
      ];
      const attend = () =>
        (
          call("aten::_flash_attention_forward", x, x, x, starts, starts, 3, 3, 0, false, false) as Tensor[]
        )[0] as Tensor;
      using graph = captureGraph(device, attend);
      graph.replay();
      const first = graph.result.toNumbers();
      starts.copy_(at(0, 2, 3));
      graph.replay();
      expect(graph.result.toNumbers()).not.toEqual(first);
      expect(graph.result.toNumbers()).toEqual(attend().toNumbers());
      starts.copy_(at(0, 1, 2));
      expect(() => graph.replay()).toThrow("sequences of 2 rows, not 3");
      expect(() => captureGraph(device, () => upload(tensor([1]), device))).toThrow(
        "no upload while a graph is captured",
      );
    });
  });

  test("multiplies with rounded weights: as with what they stand for, and nothing crosses", () => {
    scope(() => {
      using generator = new Generator(9);
      for (const bits of [8, 4] as const)
        for (const [group, inputs, outputs] of [
          [128, 300, 33],
          [64, 64, 16],
          [32, 24, 5],
        ] as const) {
          const x = randn([2, 3, inputs], generator);
          const bias = randn([outputs], generator);
          using onHost = quantizeWeight(randn([outputs, inputs], generator), bits, group);
          using weight = onHost.to(device);
          expect([weight.bits, weight.shape, weight.packed.device]).toEqual([bits, [outputs, inputs], device]);
          const wanted = linear(x, dequantizeWeight(onHost), bias).toNumbers();
          const [there, biasThere] = [x.to({ device }), bias.to({ device })];
          call("apart::record", true);
          const y = quantizedLinear(there, weight, biasThere);
          expect(call("apart::recorded")).toBe("");
          call("apart::record", false);
          expect([y.device, y.shape]).toEqual([device, [2, 3, outputs]]);
          for (const [i, value] of y.toNumbers().entries())
            expect(Math.abs(value - (wanted[i] as number))).toBeLessThan(1e-5 * inputs);
          const half = quantizedLinear(there.to({ dtype: "bfloat16" }), weight);
          expect([half.dtype, half.device]).toEqual(["bfloat16", device]);
        }
    });
  });

  test("multiplies with float8 weights: the CPU's numbers, and nothing crosses", () => {
    scope(() => {
      using generator = new Generator(9);
      for (const [inputs, outputs] of [
        [300, 33],
        [64, 16],
      ] as const)
        for (const scaling of ["rows", "after", undefined] as const) {
          const x = randn([2, 3, inputs], generator);
          const bias = randn([outputs], generator);
          using onHost = roundToFloat8(randn([outputs, inputs], generator));
          using weight = onHost.to(device);
          expect([weight.shape, weight.packed.dtype, weight.packed.device]).toEqual([
            [outputs, inputs],
            "float8_e4m3fn",
            device,
          ]);
          const [there, biasThere] = [x.to({ device }), bias.to({ device })];
          call("apart::record", true);
          const y = float8Linear(there, weight, biasThere, scaling);
          expect(call("apart::recorded")).toBe("");
          call("apart::record", false);
          expect([y.device, y.toNumbers()]).toEqual([device, float8Linear(x, onHost, bias, scaling).toNumbers()]);
          const half = float8Linear(there.to({ dtype: "bfloat16" }), weight, undefined, scaling);
          expect([half.dtype, half.device]).toEqual(["bfloat16", device]);
        }
    });
  });

  test("keeps what it is given: every dtype, views and their bases, files, other threads' hands", ({ at }) => {
    scope(() => {
      const kinds = everyKind();
      const there = Object.fromEntries(Object.entries(kinds).map(([name, t]) => [name, t.to({ device })]));
      for (const [name, t] of Object.entries(kinds)) {
        expect(there[name]?.device).toBe(device);
        expectSame(there[name] as Tensor, t);
      }
      saveSafetensors(at("there.safetensors"), there);
      using file = SafetensorsFile.open(at("there.safetensors"));
      for (const [name, t] of Object.entries(kinds)) expectSame(file.get(name), t);

      const base = tensor([1, 2, 3, 4], { device });
      base.view([2, 2]).t().narrow(0, 1, 1).mul_(10);
      expect(base.toNumbers()).toEqual([1, 20, 3, 40]);
      const sent = receive(send(base));
      sent.add_(1);
      expect(base.toNumbers()).toEqual([2, 21, 4, 41]);
    });
  });

  test("draws the CPU's numbers, and goes back as the CPU does", () => {
    scope(() => {
      const all = (["cpu", device] as const).map((place) => {
        using generator = new Generator(7, place);
        const x = randn([1, 2, 6, 8], generator).setRequiresGrad();
        const y = scaledDotProductAttention(x, x.mul(0.5), x.softmax(-1));
        backward(y.square().sum());
        const gradient = x.grad as Tensor;
        expect(gradient.device).toBe(place);
        return [x, y, gradient, rand([3], generator)].map((t) => t.detach().toNumbers());
      });
      expect(all[1]).toEqual(all[0]);
    });
  });

  const { cases } = readFixture<{ op: string; args: unknown[]; result: unknown; after?: unknown[] }>("ops.jsonl");
  const place = (value: unknown): unknown =>
    value instanceof Tensor ? value.to({ device }) : Array.isArray(value) ? value.map(place) : value;
  const seen = new Map<string, number>();
  for (const { op, args, result, after } of cases) {
    const nth = (seen.get(op) ?? 0) + 1;
    seen.set(op, nth);
    // What is made on the CPU; and convolutions, for which libtorch wants the kernels of a new device under other names.
    if (!JSON.stringify(args).includes('"tensor"') || op.includes("conv")) continue;
    test(`gives what Python's torch gives: ${op} ${nth}`, () => {
      scope(() => {
        const values = args.map(decode).map(place);
        expect(difference(call(op, ...values), result)).toBe("");
        if (after !== undefined) expect(difference(values, after, "arguments afterwards")).toBe("");
      });
    });
  }
});
