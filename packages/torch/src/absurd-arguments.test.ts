/** Every call from TypeScript with arguments that make no sense is an error in words, and never the end of the process. */
import { describe, expect } from "vitest";
import { call } from "./call.js";
import { arange, empty, eye, fromBuffer, full, ones, tensor, zeros } from "./create.js";
import { setThreads } from "./device.js";
import { fromFile, linear } from "./generated/ops.generated.js";
import { keepMemory } from "./memory/keep-memory.js";
import { Generator, rand, randint, randperm } from "./random.js";
import { scope } from "./scope.js";
import { receive, send, type Tensor } from "./tensor.js";
import { test } from "./testing/test.js";

const int64 = (value: number) => tensor([value], { dtype: "int64" });
const freed = (): Tensor => {
  const gone = ones([4]);
  gone.dispose();
  return gone;
};
const detached = (): Float32Array => {
  const array = new Float32Array(4);
  structuredClone(array.buffer, { transfer: [array.buffer] });
  return array;
};

// What is available is told where the system says it.
const OUT_OF_MEMORY =
  /out of memory: a tensor of \d+\.\d GiB (is wanted, and \d+\.\d GiB are available|could not be allocated)\. Use smaller/;

const cases: Record<string, [string, () => unknown, RegExp][]> = {
  "sizes that no memory has": [
    ["zeros", () => zeros([1e12]), OUT_OF_MEMORY],
    ["empty", () => empty([2 ** 50]), OUT_OF_MEMORY],
    ["a number that no size is", () => empty([2 ** 53]), OUT_OF_MEMORY],
    ["a product that overflows", () => empty([2 ** 40, 2 ** 40]), /overflowed/],
    [
      "a copy of one number many times",
      () =>
        ones([1])
          .expand([2 ** 42])
          .contiguous(),
      OUT_OF_MEMORY,
    ],
    ["repeat", () => ones([4]).repeat([1e12]), OUT_OF_MEMORY],
    ["arange", () => arange(0, 1e15), OUT_OF_MEMORY],
    ["eye", () => eye(1e9), /out of memory: a tensor of \d+\.\d GiB/],
    ["rand", () => rand([2 ** 42], new Generator(1)), OUT_OF_MEMORY],
    ["randperm", () => randperm(1e15, new Generator(1)), OUT_OF_MEMORY],
  ],
  "sizes that are none": [
    ["below 0", () => zeros([-1]), /non-negative/],
    ["NaN", () => zeros([Number.NaN]), /size must be a whole number/],
    ["endless", () => zeros([Number.POSITIVE_INFINITY]), /size must be a whole number/],
    ["half a row", () => zeros([1.5]), /size must be a whole number/],
    ["beyond 2^53", () => zeros([2 ** 60]), /beyond 2\^53/],
    ["65 dimensions", () => zeros(Array(65).fill(1)), /a tensor of 65 dimensions; at most 64 are supported/],
    ["65 dimensions of a view", () => ones([1]).view(Array(65).fill(1)), /a tensor of 65 dimensions/],
    ["ten million dimensions", () => zeros(Array(1e7).fill(1)), /size has more than 1000000 elements/],
    ["arrays 20,000 deep", () => tensor(nested(20_000)), /nested more than 64 deep/],
  ],
  buffers: [
    ["detached", () => fromBuffer(detached(), [4]), /has 4 elements, the array 0/],
    ["of another length", () => fromBuffer(new Float32Array(4), [2 ** 31, 2 ** 31]), /the array 4/],
    ["of two sizes below 0", () => fromBuffer(new Float32Array(4), [-2, -2]), /negative size/],
    ["of half a row", () => fromBuffer(new Float32Array(4), [0.5, 8]), /whole number/],
    [
      "of an unknown dtype",
      () => fromBuffer(new Float32Array(4), [4], "complex" as "float32"),
      /unknown dtype "complex"/,
    ],
    ["of a dtype that every object has", () => zeros([1], { dtype: "constructor" as "int8" }), /unknown dtype/],
    ["a file that is shorter", () => fromFile("/proc/self/status", false, 2 ** 40, { dtype: "uint8" }), /from_file/],
  ],
  "tensors that were freed": [
    ["in an operator", () => freed().add(1), /the tensor was freed/],
    ["read", () => freed().item(), /the tensor was freed/],
    ["asked for its shape", () => freed().shape, /the tensor was freed/],
    ["sent", () => send(freed()), /the tensor was freed/],
    ["received under a token that is none", () => receive(Number.NaN), /whole number/],
    ["received twice", () => [receive(send(ones([1]))), receive(999_999)], /no tensor was sent/],
  ],
  places: [
    ["a stride that leaves the memory", () => ones([4]).asStrided([4], [2], 0), /out of bounds/],
    ["a stride below 0", () => ones([4]).asStrided([4], [-1], 3), /Negative strides/],
    ["an offset below 0", () => ones([4]).asStrided([4], [1], -1), /storage offset/],
    ["a row that is not there", () => ones([4]).indexSelect(0, int64(5)), /out of range/],
    ["a row far below 0", () => ones([4]).indexSelect(0, int64(-1e15)), /out of range/],
    ["a dimension that is not there", () => ones([4]).narrow(5, 0, 1), /out of range/],
    ["shapes that do not fit", () => linear(ones([2, 3]), ones([4, 5])), /cannot be multiplied|do not fit/],
  ],
  numbers: [
    ["threads without number", () => setThreads(1e9), /from 1 to 1024, got 1000000000/],
    ["no thread", () => setThreads(0), /from 1 to 1024/],
    ["memory below 0", () => keepMemory(-1), /0 or more/],
    ["a seed that is none", () => new Generator(Number.NaN), /whole number/],
    ["a seed of 70 bits", () => new Generator(2n ** 70n), /64 bits/],
    ["a range that goes backwards", () => randint(5, 1, [2], new Generator(1)), /less than/],
    ["a value that an integer cannot have", () => full([1], 1e300, { dtype: "int64" }), /without overflow/],
    ["an operator that is none", () => call("aten::nope"), /no operator/],
    ["too many arguments", () => call("aten::add.Tensor", 1, 2, 3, 4), /at most 3 arguments/],
  ],
};

function nested(depth: number): number[] {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = [value];
  return value as number[];
}

describe.each(Object.entries(cases))("%s", (_, list) => {
  for (const [name, run, message] of list)
    test(name, () => {
      let told = "no error";
      scope(() => {
        try {
          run();
        } catch (error) {
          told = (error as Error).message;
        }
      });
      expect(told).toMatch(message);
    });
});

test("64 dimensions are as good as two", () => {
  scope(() => expect(ones(Array(64).fill(1)).reshape([1]).item()).toBe(1));
});
