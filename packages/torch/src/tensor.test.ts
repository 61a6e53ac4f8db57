/** Tensors in and out of JavaScript: shapes, dtypes, shared memory. */
import { inspect } from "node:util";
import { describe, expect } from "vitest";
import * as torch from "./index.js";
import {
  arange,
  DTYPES,
  type DType,
  elementSize,
  empty,
  eye,
  fromBuffer,
  full,
  ones,
  scope,
  Tensor,
  tensor,
  zeros,
} from "./index.js";
import { everyKind } from "./testing/tensors.js";
import { test } from "./testing/test.js";

describe("tensor()", () => {
  test("nested arrays give shapes, contents the dtype", () => {
    scope(() => {
      expect(
        tensor([
          [1, 2, 3],
          [4, 5, 6],
        ]).shape,
      ).toEqual([2, 3]);
      expect(tensor(5).shape).toEqual([]);
      expect(tensor([]).shape).toEqual([0]);
      expect(tensor([[], []]).shape).toEqual([2, 0]);
      expect(tensor([true, false]).dtype).toBe("bool");
      expect(tensor([1.5]).dtype).toBe("float32");
      expect(
        tensor(
          [
            [1, 2],
            [3, 4],
          ],
          { dtype: "int64" },
        ).data("int64"),
      ).toEqual(BigInt64Array.of(1n, 2n, 3n, 4n));
      expect(tensor([0, 2], { dtype: "bool" }).toNumbers()).toEqual([0, 1]);
    });
  });

  test("ragged arrays are an error", () => {
    for (const ragged of [
      [[1, 2], [3]],
      [[1, 2], [3], [4, 5, 6]],
      [[1], 2],
      [1, [2]],
      [
        [1, 2],
        [[3], [4]],
      ],
    ])
      expect(() => tensor(ragged as number[][])).toThrow(
        "tensor(): the nested arrays have different lengths or depths",
      );
  });
});

describe("creation", () => {
  test("zeros, ones, full, eye, empty", () => {
    scope(() => {
      expect(zeros([2]).toNumbers()).toEqual([0, 0]);
      expect(ones([2], { dtype: "int8" }).dtype).toBe("int8");
      expect(full([2], 2.5).toNumbers()).toEqual([2.5, 2.5]);
      expect(full([1], true, { dtype: "bool" }).toNumbers()).toEqual([1]);
      expect(eye(2).toNumbers()).toEqual([1, 0, 0, 1]);
      expect(empty([3, 0]).numel).toBe(0);
      expect(() => zeros([-1])).toThrow(/negative/);
      expect(() => zeros([2], { dtype: "float8" as DType })).toThrow(/unknown dtype "float8"; it is one of uint8, /);
    });
  });

  test("arange is int64 for whole numbers, float32 for others", () => {
    scope(() => {
      expect(arange(0, 3).data("int64")).toEqual(BigInt64Array.of(0n, 1n, 2n));
      expect(arange(0, 1, 0.25).toNumbers()).toEqual([0, 0.25, 0.5, 0.75]);
      expect(arange(3, 0, -1, { dtype: "float64" }).toNumbers()).toEqual([3, 2, 1]);
      expect(() => arange(0, 3, -1)).toThrow(/aten::arange/);
    });
  });

  test("too much memory is an error", () => {
    expect(() => zeros([2 ** 50])).toThrow(/memory/);
    expect(() => zeros([2 ** 40, 2 ** 40])).toThrow(/aten::zeros/);
  });
});

describe("properties", () => {
  test("shape, numel, ndim, size, dtype, device", () => {
    scope(() => {
      const x = zeros([2, 3], { dtype: "bfloat16" });
      expect([x.shape, x.numel, x.ndim, x.size(0), x.size(-1), x.dtype, x.device]).toEqual([
        [2, 3],
        6,
        2,
        2,
        3,
        "bfloat16",
        "cpu",
      ]);
      expect(() => x.size(2)).toThrow("dimension 2 of a tensor of shape [2, 3]");
      expect(() => x.size(-3)).toThrow("dimension -3");
      expect(zeros([]).numel).toBe(1);
    });
  });

  test("item takes the only element", () => {
    scope(() => {
      expect(tensor([[2.5]]).item()).toBe(2.5);
      expect(tensor(true).item()).toBe(1);
      expect(tensor([-7], { dtype: "int64" }).item()).toBe(-7);
      expect(fromBuffer(BigUint64Array.of(7n), [1]).item()).toBe(7);
      expect(() => zeros([2]).item()).toThrow(/2 elements/);
    });
  });

  test("text is the values, of large tensors what they are", () => {
    scope(() => {
      expect(String(tensor([1, 2]))).toMatch(/1\n 2\n\[ CPUFloatType\{2\} \]/);
      expect(inspect(tensor([1]))).toMatch(/^Tensor float32 \[1\] on cpu\n 1/);
      expect(String(zeros([1000, 1000]))).toBe("Tensor float32 [1000, 1000] on cpu");
      expect(inspect(zeros([101]))).toBe("Tensor float32 [101] on cpu");
    });
  });
});

describe("dtypes", () => {
  test("every dtype survives the way through JavaScript", () => {
    scope(() => {
      for (const dtype of DTYPES) {
        const x = tensor([0, 1, 1, 0], { dtype });
        const array = x.data(dtype);
        expect(array.BYTES_PER_ELEMENT, dtype).toBe(elementSize(dtype));
        const back = fromBuffer(array, [4], dtype);
        expect(back.dtype).toBe(dtype);
        expect(back.toNumbers(), dtype).toEqual([0, 1, 1, 0]);
      }
    });
  });

  test("16-bit floats come and go as their bits", () => {
    scope(() => {
      expect(tensor([1, -2, Number.POSITIVE_INFINITY], { dtype: "bfloat16" }).data("bfloat16")).toEqual(
        Uint16Array.of(0x3f80, 0xc000, 0x7f80),
      );
      expect(tensor([1, -2, 65504], { dtype: "float16" }).data("float16")).toEqual(
        Uint16Array.of(0x3c00, 0xc000, 0x7bff),
      );
      expect(fromBuffer(Uint16Array.of(0x3f80, 0x4049), [2], "bfloat16").toNumbers()).toEqual([1, 3.140625]);
      expect(fromBuffer(Uint16Array.of(0x3c00, 0x4248), [2], "float16").toNumbers()).toEqual([1, 3.140625]);
    });
  });

  test("every float16 and bfloat16 survives float32", () => {
    const all = Uint16Array.from({ length: 65536 }, (_, i) => i);
    scope(() => {
      for (const dtype of ["float16", "bfloat16"] as const) {
        const x = fromBuffer(all, [65536], dtype);
        const wide = x.to({ dtype: "float32" });
        const finite = wide.isnan().logicalNot();
        const bits = wide.to({ dtype }).maskedSelect(finite).data(dtype);
        expect(bits).toEqual(x.maskedSelect(finite).data(dtype));
      }
    });
  });

  test("data asserts the dtype, it does not convert", () => {
    using x = zeros([2]);
    expect(() => x.data("int64")).toThrow('data("int64") of a float32 tensor; convert it with .to({ dtype })');
  });

  test("toNumbers is row-major whatever the strides", () => {
    scope(() => {
      const x = arange(0, 6).view([2, 3]);
      expect(x.t().toNumbers()).toEqual([0, 3, 1, 4, 2, 5]);
      expect(x.t().data("int64")).toEqual(BigInt64Array.of(0n, 3n, 1n, 4n, 2n, 5n));
      expect(x.slice(1, 0, 3, 2).toNumbers()).toEqual([0, 2, 3, 5]);
      expect(tensor([1]).expand([3]).toNumbers()).toEqual([1, 1, 1]);
      expect(x.to({ dtype: "float32" }).setRequiresGrad().mul(2).toNumbers()).toEqual([0, 2, 4, 6, 8, 10]);
    });
  });
});

describe("dataAsync", () => {
  test("gives what data gives, of every dtype, views too, also when the tensor is freed meanwhile", async () => {
    for (const [name, tensor] of Object.entries(scope(everyKind))) {
      const wanted = tensor.data(tensor.dtype);
      const coming = tensor.dataAsync(tensor.dtype);
      tensor.dispose();
      expect(await coming, name).toEqual(wanted);
    }
  });

  test("many at once, while timers run", async () => {
    const all = Array.from({ length: 50 }, (_, i) => torch.full([1000], i));
    const read = Promise.all(all.map((x) => x.dataAsync("float32")));
    for (const x of all) x.dispose();
    expect((await read).map(([first]) => first)).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });

  test("asserts the dtype, and that there is a tensor", async () => {
    const x = torch.ones([2]);
    await expect(x.dataAsync("int64")).rejects.toThrow(/of a float32 tensor/);
    x.dispose();
    await expect(x.dataAsync("float32")).rejects.toThrow(/freed/);
  });
});

describe("fromBuffer", () => {
  test("shares memory in both directions", () => {
    const array = new Float32Array([1, 2, 3]);
    using x = fromBuffer(array, [3]);
    x.mul_(2);
    expect([...array]).toEqual([2, 4, 6]);
    array[0] = 9;
    expect(x.toNumbers()).toEqual([9, 4, 6]);
  });

  test("takes parts of buffers, and empty ones", () => {
    const array = Float64Array.of(1, 2, 3, 4).subarray(1, 3);
    using x = fromBuffer(array, [1, 2]);
    expect(x.toNumbers()).toEqual([2, 3]);
    using none = fromBuffer(new Float32Array(0), [0, 5]);
    expect(none.shape).toEqual([0, 5]);
    using bytes = fromBuffer(Buffer.from([1, 0, 1]), [3], "bool");
    expect(bytes.toNumbers()).toEqual([1, 0, 1]);
  });

  test("refuses what does not fit", () => {
    expect(() => fromBuffer(new Float32Array(3), [2])).toThrow("fromBuffer(): shape [2] has 2 elements, the array 3");
    expect(() => fromBuffer(new Uint8Array(8), [8], "float32")).toThrow(
      "fromBuffer(): float32 does not have the element size of a Uint8Array",
    );
    expect(() => fromBuffer(new Float32Array(new SharedArrayBuffer(4)), [1])).toThrow(/SharedArrayBuffer/);
    const Resizable = ArrayBuffer as unknown as new (length: number, options: { maxByteLength: number }) => ArrayBuffer;
    expect(() => fromBuffer(new Uint8Array(new Resizable(4, { maxByteLength: 8 })), [4])).toThrow(/resizable/);
    expect(() => fromBuffer(new Float32Array(4), [-2, -2])).toThrow(/negative size/);
    expect(() => fromBuffer(new Float32Array(4), [0.5, 8])).toThrow(/whole number/);
  });
});

describe("devices", () => {
  test("the CPU is there, what is not there says why", () => {
    expect(torch.availableDevices()).toContain("cpu");
    expect(torch.deviceCount("cpu")).toBe(1);
    expect(() => torch.requireDevice("gpu" as torch.Device)).toThrow(
      'unknown device "gpu"; it is cpu, cuda, cuda:N or mps',
    );
    expect(() => zeros([1], { device: "meta" as torch.Device })).toThrow(/unknown device/);
    torch.synchronize("cpu");
  });

  test.runIf(torch.deviceCount("cuda") === 0)("without CUDA every way to it gives the reason", () => {
    using x = ones([1]);
    const missing = /^device cuda(:0)? is not available(: .+)?\. Available: .*cpu$/s;
    expect(() => torch.requireDevice("cuda")).toThrow(missing);
    expect(() => zeros([1], { device: "cuda" })).toThrow(missing);
    expect(() => x.to({ device: "cuda:0" })).toThrow(missing);
    expect(() => new torch.Generator(0, "cuda")).toThrow(missing);
    expect(() => torch.call("aten::zeros", [1], "float32", undefined, "cuda")).toThrow(missing);
    expect(() => torch.synchronize("cuda")).toThrow(missing);
    expect(() => tensor([1], { device: "cuda" })).toThrow(missing);
  });

  test.runIf(torch.deviceCount("cuda") > 0)("tensors go to the GPU and back", () => {
    scope(() => {
      const x = arange(0, 6, 1, { dtype: "float32", device: "cuda" });
      expect(x.device).toBe("cuda:0");
      expect(x.mul(2).toNumbers()).toEqual([0, 2, 4, 6, 8, 10]);
      expect(() => x.add(ones([6]))).toThrow(/device/);
    });
  });
});

test("Tensor is a class for instanceof", () => {
  using x = ones([1]);
  expect(x).toBeInstanceOf(Tensor);
});
