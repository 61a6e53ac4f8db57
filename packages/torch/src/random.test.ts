/** Random numbers against Python's torch, from the same seeds. */
import { describe, expect } from "vitest";
import {
  bernoulli,
  type DType,
  empty,
  Generator,
  multinomial,
  rand,
  randint,
  randn,
  randperm,
  scope,
  type Tensor,
  torchVersion,
} from "./index.js";
import { decode, difference, readFixture } from "./testing/fixtures.js";
import { test } from "./testing/test.js";

interface Draw {
  draw: "normal_" | "uniform_" | "exponential_" | "bernoulli_";
  shape: number[];
  dtype: DType;
  seed: string;
  args: [number, number];
  result: unknown;
  /** Two numbers drawn afterwards: the generator has moved as far as Python's. */
  next: unknown;
}

interface Made {
  function: "rand" | "randn" | "randint" | "randperm" | "multinomial" | "bernoulli";
  seed: string;
  args: unknown[];
  dtype?: DType;
  result: unknown;
}

const { torch, cases } = readFixture<Draw | Made>("random.jsonl");

function made({ function: name, args, dtype }: Made, generator: Generator): Tensor {
  const options = dtype === undefined ? {} : { dtype };
  const [a, b, c] = args.map(decode);
  switch (name) {
    case "rand":
      return rand(a as number[], generator, options);
    case "randn":
      return randn(a as number[], generator, options);
    case "randint":
      return randint(a as number, b as number, c as number[], generator, options);
    case "randperm":
      return randperm(a as number, generator);
    case "multinomial":
      return multinomial(a as Tensor, b as number, c as boolean, { generator });
    case "bernoulli":
      return bernoulli(a as Tensor, { generator });
  }
}

function drawn({ draw, shape, dtype, args: [a, b] }: Draw, generator: Generator): Tensor {
  const out = empty(shape, { dtype });
  switch (draw) {
    case "normal_":
      return out.normal_(a, b, { generator });
    case "uniform_":
      return out.uniform_(a, b, { generator });
    case "exponential_":
      return out.exponential_(a, { generator });
    case "bernoulli_":
      return out.bernoulli_(a, { generator });
  }
}

describe(`random numbers are those of Python's torch ${torch}`, () => {
  for (const entry of cases) {
    const name =
      "draw" in entry ? `${entry.draw} ${entry.dtype} [${entry.shape}]` : `${entry.function} ${entry.dtype ?? ""}`;
    // How 16-bit numbers are drawn changed between 2.8 and 2.15.
    const otherNumbers = entry.dtype?.endsWith("float16") === true && torch !== torchVersion;
    test.skipIf(otherNumbers)(`${name}, seed ${entry.seed}`, () => {
      scope(() => {
        using generator = new Generator(BigInt(entry.seed));
        if ("draw" in entry) {
          expect(difference(drawn(entry, generator), entry.result)).toBe("");
          expect(difference(rand([2], generator), entry.next, "next")).toBe("");
        } else expect(difference(made(entry, generator), entry.result)).toBe("");
      });
    });
  }
});

describe("Generator", () => {
  const draw = (generator: Generator): number[] => scope(() => rand([3], generator).toNumbers());

  test("the same seed gives the same numbers, another seed others, seed() starts anew", () => {
    using a = new Generator(5);
    using b = new Generator(5n);
    using c = new Generator(6);
    const first = draw(a);
    expect(draw(b)).toEqual(first);
    expect(draw(c)).not.toEqual(first);
    expect(draw(a)).not.toEqual(first);
    a.seed(5);
    expect(draw(a)).toEqual(first);
  });

  test("a saved state goes on with the same numbers", () => {
    using a = new Generator(1);
    draw(a);
    using state = a.getState();
    const next = draw(a);
    using b = new Generator(99);
    b.setState(state);
    expect(draw(b)).toEqual(next);
    using wrong = empty([3], { dtype: "uint8" });
    expect(() => b.setState(wrong)).toThrow(/setGeneratorState: .*state/);
  });

  test("seeds reach from -2^63 to 2^64-1", () => {
    for (const seed of [-(2n ** 63n), 2n ** 64n - 1n, -1, Number.MAX_SAFE_INTEGER])
      new Generator(seed)[Symbol.dispose]();
    for (const seed of [2n ** 64n, -(2n ** 63n) - 1n, 1.5, Number.NaN, 2 ** 60])
      expect(() => new Generator(seed)).toThrow(/seed/);
  });

  test("a disposed generator is an error, not somebody else's numbers", () => {
    const a = new Generator(1);
    a[Symbol.dispose]();
    a[Symbol.dispose]();
    using _takesItsPlace = new Generator(2);
    expect(() => rand([2], a)).toThrow("the generator was freed");
    expect(() => a.seed(3)).toThrow("the generator was freed");
    expect(() => a.getState()).toThrow("the generator was freed");
  });
});
