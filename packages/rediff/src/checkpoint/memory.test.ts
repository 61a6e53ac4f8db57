import os from "node:os";
import { describe, expect, test } from "vitest";
import { UserError } from "../errors.js";
import { publishedConfig } from "../testing/published-config.js";
import { parseConfig } from "./config.js";
import {
  assertMemory,
  availableMemory,
  gib,
  type MemoryPlan,
  mappedBytes,
  memoryNeed,
  smallerSettings,
} from "./memory.js";
import { modelShapes } from "./tensor-names.js";

const config = parseConfig(publishedConfig, undefined, "config.json");
const need = (dtype: "float32" | "bfloat16") => memoryNeed(config, modelShapes(config), dtype);

test("the 8B model needs 16.9 GB in bfloat16, twice that in float32, and a moderate amount beside it", () => {
  expect(need("bfloat16")).toMatchObject({ parameters: 8_434_837_024, weights: 16_869_674_048 });
  expect(need("float32").weights).toBe(33_739_348_096);
  expect(need("bfloat16").activations).toBeGreaterThan(100e6);
  expect(need("bfloat16").activations).toBeLessThan(1e9);
});

/** As the published model is stored. */
const inBfloat16 = () => "bfloat16" as const;

type Loaded = "float32" | "bfloat16";

function planOf(dtype: Loaded, stored: () => "bfloat16" | undefined = inBfloat16): MemoryPlan {
  const shapes = modelShapes(config);
  return {
    folder: "some/folder",
    need: need(dtype),
    dtype,
    mapped: mappedBytes(shapes, { dtype, scheme: undefined, layers: 32 }, stored),
    smaller: smallerSettings(config, shapes, { dtype, scheme: undefined }, stored),
  };
}

const complaint = (plan: MemoryPlan, gibs: number): string => {
  try {
    const told = assertMemory(plan, "cpu", gibs * 2 ** 30);
    return told === undefined ? "no complaint" : new UserError(told.words).line;
  } catch (error) {
    return error instanceof UserError ? error.line : String(error);
  }
};

describe("what does not fit is refused before anything is read", () => {
  test.each<[Loaded, number, string]>([
    [
      "float32",
      20,
      "Use dtype bfloat16 (16.1 GiB), quantize int8 (11.4 GiB, approximate), quantize int8 with dtype bfloat16 (9.3 GiB, approximate), " +
        "quantize int4 (9.2 GiB, approximate) or quantize int4 with dtype bfloat16 (7.1 GiB, approximate), a machine with more memory, or a GPU",
    ],
    [
      "float32",
      9,
      "Use quantize int4 with dtype bfloat16 (7.1 GiB, approximate), a machine with more memory, or a GPU",
    ],
    [
      "float32",
      7,
      "Use dtype bfloat16 (16.1 GiB) or quantize int4 with dtype bfloat16 (7.1 GiB, approximate) (partly read from the disk in every pass), a machine with more memory, or a GPU",
    ],
  ])("%s with %d GiB, with what would", (dtype, available, remedy) => {
    expect(complaint(planOf(dtype), available)).toBe(
      `some/folder needs about 32.1 GiB in float32 (31.4 GiB of weights), and ${available.toFixed(1)} GiB are available. ` +
        `${remedy}; to try anyway, leave out the check (memoryCheck).`,
    );
  });

  test("and says so where nothing would", () => {
    expect(
      complaint(
        planOf("float32", () => undefined),
        4,
      ),
    ).toMatch(
      /\. Nothing that is smaller fits either \(the least is 7\.1 GiB\): use a machine with more memory, or a GPU;/,
    );
    expect(complaint({ ...planOf("float32"), smaller: [] }, 4)).toMatch(
      /available\. Use a machine with more memory, or a GPU;/,
    );
  });

  test("to the byte", () => {
    const plan = planOf("bfloat16", () => undefined);
    const { weights, activations } = plan.need;
    expect(complaint(plan, (weights + activations) / 2 ** 30)).toBe("no complaint");
    expect(complaint(plan, (weights + activations - 1) / 2 ** 30)).toMatch(/needs about/);
  });

  test("main memory does not matter for a GPU", () => {
    expect(assertMemory(planOf("float32"), "cuda", 0)).toBeUndefined();
  });
});

describe("weights that are mapped need not be resident", () => {
  test("they are counted by the dtype of each", () => {
    expect(planOf("bfloat16").mapped).toBe(need("bfloat16").weights);
    expect(planOf("float32").mapped).toBe(0);
    const norms = mappedBytes(modelShapes(config), { dtype: "bfloat16", scheme: undefined, layers: 32 }, (name) =>
      name === "model.norm.weight" ? "bfloat16" : "float32",
    );
    expect(norms).toBe(2 * 4096);
  });

  test("a model that is larger than memory is loaded, and the price is told, with what would fit", () => {
    expect(complaint(planOf("bfloat16"), 12)).toBe(
      "some/folder takes about 16.1 GiB in bfloat16, and 12.0 GiB are available: 15.7 GiB of it are mapped from the files, " +
        "of which every forward pass reads 4.1 GiB or more from the disk again; quantize int8 (9.3 GiB, approximate) or quantize int4 (7.1 GiB, approximate) would fit",
    );
    expect(complaint(planOf("bfloat16"), 5)).toMatch(/reads 11\.1 GiB or more from the disk again$/);
  });

  test("what is beside them has to fit", () => {
    expect(complaint(planOf("bfloat16"), 0.1)).toMatch(/needs about 16\.1 GiB in bfloat16/);
  });

  test("rounding while it is loaded maps only what stays", () => {
    const [int8] = planOf("bfloat16").smaller;
    expect(int8?.quantize).toBe("int8");
    // Embeddings, norms, tower and projector.
    expect((int8?.mapped ?? 0) / 2 ** 30).toBeGreaterThan(1.5);
    expect((int8?.mapped ?? 0) / 2 ** 30).toBeLessThan(3.5);
  });
});

test("available memory is something, and not more than there is", () => {
  expect(availableMemory()).toBeGreaterThan(0);
  expect(availableMemory()).toBeLessThanOrEqual(os.totalmem());
});

test.each([
  [0, "0 MiB"],
  [1, "1 MiB"],
  [5.2 * 2 ** 20, "6 MiB"],
  [2 ** 30, "1.0 GiB"],
  [16.87e9, "15.7 GiB"],
])("%d bytes are %s", (bytes, text) => {
  expect(gib(bytes)).toBe(text);
});
