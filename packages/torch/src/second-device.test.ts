/** The tests' second device, which has to be strict for what is tested on it to mean something. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect } from "vitest";
import {
  availableDevices,
  backward,
  call,
  type Device,
  dequantizeWeight,
  float8Linear,
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
