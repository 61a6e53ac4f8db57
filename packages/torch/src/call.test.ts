/** Any operator by name, the typed functions beside it, and the generated files against the libtorch that runs. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect } from "vitest";
import * as torch from "./index.js";
import {
  arange,
  call,
  memory,
  ones,
  schemaOf,
  schemas,
  scope,
  type Tensor,
  TYPED_OPERATORS,
  tensor,
  zeros,
} from "./index.js";
import { test } from "./testing/test.js";

describe("call", () => {
  test("gives handles of its own, and the very argument for what changes it in place", () => {
    scope(() => {
      const x = ones([2]);
      expect(call("aten::add_.Scalar", x, 2)).toBe(x);
      expect(x.toNumbers()).toEqual([3, 3]);
      const out = zeros([2]);
      const result = call("aten::add.out", x, x, 1, out) as Tensor;
      expect(result).not.toBe(out);
      expect(out.toNumbers()).toEqual([6, 6]);
    });
  });

  test("results that an operator leaves out are undefined", () => {
    scope(() => {
      const x = ones([1, 1, 3, 3]);
      const results = call(
        "aten::convolution_backward",
        x,
        x,
        ones([1, 1, 1, 1]),
        undefined,
        [1, 1],
        [0, 0],
        [1, 1],
        false,
        [0, 0],
        1,
        [false, true, false],
      ) as unknown[];
      expect(results.map((r) => r === undefined)).toEqual([true, false, true]);
    });
  });

  test("no result is undefined", () => {
    scope(() => {
      const x = ones([2]);
      expect(call("aten::_foreach_add_.Scalar", [x], 1)).toBeUndefined();
      expect(x.toNumbers()).toEqual([2, 2]);
    });
  });

  test("takes typed arrays for lists, and one number for all elements of a list of fixed length", () => {
    scope(() => {
      const x = arange(0, 24);
      for (const shape of [[2, 3, 4], Int32Array.of(2, 3, 4), BigInt64Array.of(2n, 3n, 4n), new Uint8Array([2, 3, 4])])
        expect((call("aten::view", x, shape) as Tensor).shape).toEqual([2, 3, 4]);
      const image = ones([1, 1, 4, 4]);
      expect((call("aten::avg_pool2d", image, 2) as Tensor).shape).toEqual([1, 1, 2, 2]);
      expect(() => call("aten::view", x, 24)).toThrow("aten::view (self int64 [24]): size must be an array");
      expect(() => call("aten::view", x, Float64Array.of(2, 3.5, 4))).toThrow("size must be a whole number");
    });
  });

  test("carries integers of 64 bits", () => {
    scope(() => {
      const x = tensor([0], { dtype: "int64" });
      const big = 2n ** 62n + 1n;
      expect((call("aten::add.Scalar", x, big) as Tensor).data("int64")[0]).toBe(big);
      expect(call("aten::_local_scalar_dense", call("aten::add.Scalar", x, big))).toBe(big);
      expect(() => (call("aten::add.Scalar", x, big) as Tensor).item()).toThrow(
        `${big} is beyond 2^53; use data("int64")`,
      );
      expect(() => call("aten::add.Scalar", x, 2n ** 63n)).toThrow("other does not fit into 64 bits");
      expect(() => call("aten::select.int", x, 0, 2 ** 60)).toThrow("index is beyond 2^53: pass a bigint");
      expect(() => call("aten::select.int", x, 0, Number.POSITIVE_INFINITY)).toThrow("index must be a whole number");
      const unsigned = torch.fromBuffer(BigUint64Array.of(2n ** 64n - 1n), [1]);
      expect(unsigned.data("uint64")[0]).toBe(2n ** 64n - 1n);
      expect(() => unsigned.item()).toThrow(String(2n ** 64n - 1n));
    });
  });

  test("keeps -0 and the special numbers, and whole numbers as integers", () => {
    scope(() => {
      const x = tensor([1], { dtype: "float64" });
      const times = (by: number): number => (call("aten::mul.Scalar", x, by) as Tensor).item();
      expect(times(-0)).toBe(-0);
      expect(times(Number.NaN)).toBeNaN();
      expect(times(Number.NEGATIVE_INFINITY)).toBe(Number.NEGATIVE_INFINITY);
      expect(times(1e300)).toBe(1e300);
      expect(times(2 ** 53)).toBe(2 ** 53);
      const i = tensor([1], { dtype: "int64" });
      expect((call("aten::mul.Scalar", i, 3) as Tensor).dtype).toBe("int64");
      expect((call("aten::mul.Scalar", i, 3.5) as Tensor).dtype).toBe("float32");
      expect((call("aten::mul.Scalar", i, true) as Tensor).dtype).toBe("int64");
    });
  });

  test("schemas tell what there is", () => {
    expect(schemaOf("aten::mm")).toBe("aten::mm(Tensor self, Tensor mat2) -> Tensor");
    expect(schemas().length).toBeGreaterThan(3000);
    expect(schemas()).toContain(schemaOf("aten::mm"));
  });

  test("every operator can be described", () => {
    for (const schema of schemas()) {
      const name = schema.slice(0, schema.indexOf("("));
      expect(schemaOf(name)).toBe(schema);
    }
  });

  test("an argument's getter may call operators and may throw", () => {
    scope(() => {
      const x = ones([2, 2]);
      const shape = [4];
      Object.defineProperty(shape, 0, {
        get: () => {
          x.add(1).mm(x);
          return 4;
        },
      });
      expect((call("aten::view", x, shape) as Tensor).shape).toEqual([4]);
      const thrower = Object.defineProperty([4], 0, {
        get: () => {
          throw new RangeError("from the getter");
        },
      });
      expect(() => call("aten::view", x, thrower)).toThrow(RangeError);
      expect(x.sum().item()).toBe(4);
    });
  });

  test("a call that fails keeps nothing alive", ({ memoryAtStart }) => {
    using x = ones([1000]);
    for (let i = 0; i < 10; i++) expect(() => x.mm(x)).toThrow();
    x.dispose();
    expect(memory()).toEqual(memoryAtStart);
  });
});

describe("errors", () => {
  const fails = (name: string, ...args: unknown[]): string => {
    try {
      scope(() => call(name, ...args));
    } catch (error) {
      return (error as Error).message;
    }
    return "no error";
  };

  test("name the operator, the shapes and what libtorch says", () => {
    using a = zeros([2, 3]);
    using b = zeros([4, 5], { dtype: "bfloat16" });
    expect(fails("aten::mm", a, b)).toMatch(
      /^aten::mm \(self float32 \[2, 3\], mat2 bfloat16 \[4, 5\]\): .*\(2x3 and 4x5\)/,
    );
    expect(fails("aten::cat", [a, b], 1)).toMatch(/^aten::cat \(tensors \(float32 \[2, 3\]; bfloat16 \[4, 5\]\)\): /);
    expect(() => a.mm(b)).toThrow(/^aten::mm \(self float32 \[2, 3\], mat2 bfloat16 \[4, 5\]\): /);
  });

  test("name the operators and overloads that there are", () => {
    expect(fails("aten::no_such_thing")).toBe("resolve: there is no operator aten::no_such_thing");
    expect(fails("aten::mul.Wrong")).toMatch(/operator aten::mul has no overload 'Wrong'; its overloads are .*Tensor/);
    expect(fails("aten::add")).toMatch(/has no overload ''; its overloads are .*Scalar/);
    expect(fails("nonsense")).toMatch(/there is no operator nonsense/);
  });

  test("name the argument that is wrong", () => {
    using x = ones([2]);
    expect(fails("aten::mm", x)).toBe("aten::mm (self float32 [2]): mat2 (Tensor) is missing");
    expect(fails("aten::mm", x, 3)).toBe("aten::mm: mat2 must be Tensor, got number");
    expect(fails("aten::mm", x, [x])).toBe("aten::mm: mat2 must be Tensor, got an array of tensors");
    expect(fails("aten::cat", x)).toBe("aten::cat: tensors must be Tensor[], got Tensor");
    expect(fails("aten::cat", [x, 1])).toBe("aten::cat: tensors must be Tensor[], got an array with number in it");
    expect(fails("aten::add.Scalar", x, "1")).toBe(
      "aten::add.Scalar (self float32 [2]): other must be a number, bigint or boolean",
    );
    expect(fails("aten::select.int", x, 0.5, 0)).toBe(
      "aten::select.int (self float32 [2]): dim must be a whole number",
    );
    expect(fails("aten::sum.dim_IntList", x, [0], 1)).toBe(
      "aten::sum.dim_IntList (self float32 [2]): keepdim must be a boolean",
    );
    expect(fails("aten::einsum", 1, [x])).toMatch(/equation must be a string/);
    expect(fails("aten::uniform_", x, 0, 1, 5)).toBe("aten::uniform_: generator must be Generator?, got number");
    expect(fails("aten::zeros", [2], "float33")).toMatch(/unknown dtype "float33"; it is one of/);
    expect(fails("aten::clone", x, "sideways")).toMatch(/memory_format must be MemoryFormat\?, got string/);
    expect(fails("aten::zeros", [2], undefined, undefined, 5)).toMatch(/device must be Device\?, got number/);
    expect(fails("aten::mm", x, x, x)).toBe(
      "aten::mm takes at most 2 arguments: aten::mm(Tensor self, Tensor mat2) -> Tensor",
    );
  });

  test("of typed functions called from JavaScript name the argument, too", () => {
    using x = ones([2, 2]);
    expect(() => x.mm(3 as unknown as Tensor)).toThrow("aten::mm (self float32 [2, 2]): mat2 (Tensor) is missing");
    expect(() => x.mm({ slot: "x" } as unknown as Tensor)).toThrow("mat2 must be a tensor");
    expect(() => x.sum("0" as unknown as number[])).toThrow(/dim must be/);
  });

  test("refuse what has no form in JavaScript", () => {
    const unsupported = schemas().find((schema) => /^aten::[^(]*\(Storage /.test(schema));
    if (unsupported !== undefined)
      expect(fails(unsupported.slice(0, unsupported.indexOf("(")), {})).toMatch(/cannot be passed/);
  });
});

describe("typed functions", () => {
  const same = (typed: Tensor, generic: unknown): void => {
    expect(typed.dtype).toBe((generic as Tensor).dtype);
    expect(typed.shape).toEqual((generic as Tensor).shape);
    expect(typed.toNumbers()).toEqual((generic as Tensor).toNumbers());
  };

  test("are the same calls", () => {
    scope(() => {
      const g = new torch.Generator(1);
      const x = torch.randn([4, 6], g);
      const y = torch.randn([4, 6], g);
      same(x.add(y, { alpha: 2 }), call("aten::add.Tensor", x, y, 2));
      same(x.add(1.5), call("aten::add.Scalar", x, 1.5));
      same(x.pow(y.abs()), call("aten::pow.Tensor_Tensor", x, y.abs()));
      same(x.clamp(-1, 1), call("aten::clamp", x, -1, 1));
      same(x.clamp(undefined, 0), call("aten::clamp", x, undefined, 0));
      same(x.sum([1], true), call("aten::sum.dim_IntList", x, [1], true));
      same(x.sum(), call("aten::sum.dim_IntList", x));
      same(x.sum([0], false, { dtype: "float64" }), call("aten::sum.dim_IntList", x, [0], false, "float64"));
      same(x.variance([1], { correction: 0 }), call("aten::var.correction", x, [1], 0));
      same(x.to({ dtype: "int32" }), call("aten::_to_copy", x, "int32"));
      same(x.slice(1, 1, 5, 2), call("aten::slice.Tensor", x, 1, 1, 5, 2));
      same(torch.cat([x, y], 1), call("aten::cat", [x, y], 1));
      same(torch.where(x.gt(0), x, y), call("aten::where.self", x.gt(0), x, y));
      same(torch.einsum("ij,kj->ik", [x, y]), call("aten::einsum", "ij,kj->ik", [x, y]));
      same(torch.gelu(x, { approximate: "tanh" }), call("aten::gelu", x, "tanh"));
      same(
        torch.index(x, [undefined, tensor([0, 2], { dtype: "int64" })]),
        call("aten::index.Tensor", x, [null, tensor([0, 2], { dtype: "int64" })]),
      );
      same(x.clone({ memoryFormat: "contiguous" }), x);
      const [values, indices] = torch.topk(x, 2);
      const [genericValues, genericIndices] = call("aten::topk", x, 2) as Tensor[];
      same(values, genericValues);
      same(indices, genericIndices);
      expect(torch.split(x, 3, 1).map((t) => t.shape)).toEqual([
        [4, 3],
        [4, 3],
      ]);
      expect(torch.equal(x, x.clone())).toBe(true);
    });
  });

  test("of operators that work in place return the tensor itself", () => {
    using x = ones([2]);
    expect(x.add_(1)).toBe(x);
    expect(torch.zero_(x)).toBe(x);
    expect(x.mul_(x)).toBe(x);
  });

  test("every typed operator exists in this libtorch", () => {
    for (const name of TYPED_OPERATORS) expect(schemaOf(name)).toContain("(");
  });

  const recorded = readFileSync(new URL("generated/ops.generated.ts", import.meta.url), "utf8");
  const writtenFor = /torch (\S+)\)/.exec(recorded)?.[1];

  test("the arguments of every typed operator are where they were when the functions were generated", () => {
    // Types may widen between versions (int becomes SymInt); names and order are what the generated calls rely on.
    const names = (schema: string): string[] =>
      [...schema.slice(schema.indexOf("("), schema.lastIndexOf(" -> ")).matchAll(/ (\w+)(?:=[^,]*)?(?=[,)])/g)].map(
        (m) => m[1]!,
      );
    const inComments = [...recorded.matchAll(/\/\*\* `(aten::[^`]*)` \*\//g)].map((m) => m[1]!);
    expect(inComments.length).toBeGreaterThan(200);
    for (const schema of inComments) {
      const name = schema.slice(0, schema.indexOf("("));
      expect(names(schemaOf(name)), name).toEqual(names(schema));
    }
  });

  test.runIf(writtenFor === torch.torchVersion)("the generator writes what is committed", async ({ folder }) => {
    const run = promisify(execFile);
    const packageRoot = fileURLToPath(new URL("..", import.meta.url));
    await run(process.execPath, [join(packageRoot, "scripts", "generate-ops.mjs"), folder]);
    const biome = join(packageRoot, "..", "..", "node_modules", "@biomejs", "biome", "bin", "biome");
    for (const file of ["ops.generated.ts", "tensor-methods.generated.ts"]) {
      const written = await new Promise<string>((resolve, reject) => {
        const path = join(packageRoot, "src", "generated", file);
        const child = execFile(
          process.execPath,
          [biome, "check", "--write", `--stdin-file-path=${path}`],
          { cwd: join(packageRoot, "..", "..") },
          (error, stdout) => (error ? reject(error) : resolve(stdout)),
        );
        child.stdin?.end(readFileSync(join(folder, file), "utf8"));
      });
      expect(written).toBe(readFileSync(new URL(`generated/${file}`, import.meta.url), "utf8"));
    }
  });
});
