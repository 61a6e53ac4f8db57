/** What an error says of a device. */
import { describe, expect, test } from "vitest";
import { call, ones, refusalOf, tensor, UnsupportedError } from "./index.js";

const saying = (message: string) => () => {
  throw new Error(message);
};

describe("a refusal", () => {
  test.each([
    "aten::x (query float32 [3]): Could not run 'aten::x' with arguments from the 'MPS' backend. This could be ...",
    "resolve: operator aten::x has no overload 'y'; its overloads are (none)",
    "FlashAttention only supports Ampere GPUs or newer.",
    "FlashAttention only support fp16 and bf16 data type",
    "USE_FLASH_ATTENTION was not enabled for build.",
    "torch._scaled_mm is only supported on CUDA devices with compute capability >= 9.0 or 8.9, or ROCm MI300+",
    "Invalid scaling configuration.\n- For TensorWise scaling, a and b should be float8",
    "CUDA error: CUBLAS_STATUS_NOT_SUPPORTED when calling `cublasLtMatmul(...)`",
    "CUDA error: no kernel image is available for execution on the device\nCUDA kernel errors might be ...",
    "\"addmm_impl\" not implemented for 'Float8_e4m3fn'",
    "Backend doesn't support getPinnedMemoryAllocator()",
    "Please register PrivateUse1HooksInterface by `RegisterPrivateUse1HooksInterface` first.",
  ])("is %s", (message) => {
    expect(refusalOf("it does", saying(message))).toBe(message.split("\n")[0]);
  });

  test("is what this libtorch says of an operator that is not there, and of one that the CPU has not", () => {
    const attend = () => {
      const [x, starts] = [ones([3, 2, 8]), tensor([0, 3], { dtype: "int32" })];
      call("aten::_flash_attention_forward", x, x, x, starts, starts, 3, 3, 0, false, false);
    };
    expect(refusalOf("the CPU has flash attention", attend)).toContain("Could not run");
    expect(refusalOf("it is there", () => void call("aten::nothing"))).toContain("there is no operator");
    const refuse = () => {
      throw new UnsupportedError("none here");
    };
    expect(refusalOf("it does", refuse)).toBe("none here");
    expect(refusalOf("it does", () => {})).toBeUndefined();
  });
});

describe("no answer", () => {
  test.each([
    "aten::x: CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 79.11 GiB",
    "CUDA error: out of memory\nSearch for `cudaErrorMemoryAllocation'; a device that does not support it",
    "CUDA error: an illegal memory access was encountered",
    "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    "DefaultCPUAllocator: can't allocate memory: you tried to allocate 64 bytes, which is not supported now",
    "INTERNAL ASSERT FAILED: unsupported state",
    "something else",
  ])("is %s", (message) => {
    const ask = () => refusalOf("cuda:0 has it", saying(message));
    expect(ask).toThrow(`it could not be found out whether cuda:0 has it: ${message.split("\n")[0]}. Try again`);
    expect(ask).not.toThrow(UnsupportedError);
  });

  test("is what this libtorch says when memory runs out", () => {
    expect(() => refusalOf("it fits", () => void ones([2 ** 46]))).toThrow(
      "whether it fits: aten::ones: out of memory",
    );
  });
});
