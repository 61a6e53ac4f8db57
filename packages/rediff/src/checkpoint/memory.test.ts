import os from "node:os";
import { describe, expect, test } from "vitest";
import { UserError } from "../errors.js";
import { publishedConfig } from "../testing/published-config.js";
import { parseConfig } from "./config.js";
import { assertMemory, availableMemory, gib, memoryNeed } from "./memory.js";
import { modelShapes } from "./tensor-names.js";

const config = parseConfig(publishedConfig, undefined, "config.json");
const need = (dtype: "float32" | "bfloat16") => memoryNeed(config, modelShapes(config), dtype);

test("the 8B model needs 16.9 GB in bfloat16, twice that in float32, and a moderate amount beside it", () => {
  expect(need("bfloat16")).toMatchObject({ parameters: 8_434_837_024, weights: 16_869_674_048 });
  expect(need("float32").weights).toBe(33_739_348_096);
  expect(need("bfloat16").activations).toBeGreaterThan(100e6);
  expect(need("bfloat16").activations).toBeLessThan(1e9);
});

describe("what does not fit is refused before anything is read", () => {
  const complaint = (dtype: "float32" | "bfloat16", available: number): string => {
    try {
      assertMemory("some/folder", need(dtype), dtype, "cpu", available);
    } catch (error) {
      return error instanceof UserError ? error.line : String(error);
    }
    return "no complaint";
  };

  test("with what would help", () => {
    expect(complaint("float32", 20 * 2 ** 30)).toBe(
      "some/folder needs about 32.1 GiB in float32 (31.4 GiB of weights), and 20.0 GiB are available. " +
        "Use dtype bfloat16 (half of it), quantize int8 (a quarter, approximate), a machine with more memory, or a GPU; to try anyway, leave out the check (memoryCheck).",
    );
    expect(complaint("bfloat16", 8 * 2 ** 30)).toBe(
      "some/folder needs about 16.1 GiB in bfloat16 (15.7 GiB of weights), and 8.0 GiB are available. " +
        "Use a machine with more memory, or a GPU; to try anyway, leave out the check (memoryCheck).",
    );
  });

  test("to the byte", () => {
    const { weights, activations } = need("bfloat16");
    expect(complaint("bfloat16", weights + activations)).toBe("no complaint");
    expect(complaint("bfloat16", weights + activations - 1)).not.toBe("no complaint");
  });

  test("main memory does not matter for a GPU", () => {
    expect(() => assertMemory("f", need("float32"), "float32", "cuda", 0)).not.toThrow();
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
