import { memory } from "@rediff/torch";
import { describe, expect, test } from "vitest";
import { UserError } from "../../errors.js";
import { folderOfEachTest } from "../../testing/folders.js";
import { writeTinyModel } from "../../testing/tiny-model.js";
import { loadConfig } from "../config.js";
import { memoryNeed, requestBytes } from "../memory.js";
import { schemeFor } from "../quantize/stored-format.js";
import { modelShapes } from "../tensor-names.js";
import { fitModel, REFRESH_EVERY } from "./fit.js";
import { fitJson, fitText } from "./fit-report.js";
import { namedShape, shapeNames } from "./named-shapes.js";

const scratch = folderOfEachTest();
const asked = { promptTokens: 20, tiles: 2, genLength: 8, steps: 16 };
const tiny = () => loadConfig(writeTinyModel(scratch.at("tiny")));

describe("what fits", () => {
  test("every setting with its memory and its times, which go up with the passes; nothing is left of it", async () => {
    const config = await tiny();
    const before = memory().tensors;
    const fit = fitModel(config, { ...asked, available: 2 ** 30 });
    expect(memory().tensors).toBe(before);
    expect(fit.rows.map(({ dtype, quantize }) => [dtype, quantize])).toEqual([
      ["float32", undefined],
      ["bfloat16", undefined],
      ["float32", "int8"],
      ["bfloat16", "int8"],
      ["float32", "int4"],
      ["bfloat16", "int4"],
    ]);
    const size = { rows: 28, asked: 8, tiles: 2, cached: false };
    for (const row of fit.rows) {
      const scheme = row.quantize && schemeFor(row.quantize);
      expect(row.weights).toBe(memoryNeed(config, modelShapes(config), row.dtype, scheme).weights);
      expect(row.memory).toBe(row.weights + requestBytes(config, row.dtype, size));
      expect(row.pass).toBeGreaterThan(0);
      expect(row.answer).toBeGreaterThanOrEqual(16 * row.pass);
      // Two refreshes in sixteen steps, one at the end, and the steps between.
      const tower = row.answer - 16 * row.pass;
      const refreshes = 16 / REFRESH_EVERY + 1;
      expect(row.cachedAnswer - tower).toBeCloseTo(refreshes * row.pass + (17 - refreshes) * row.cachedStep, 9);
    }
    expect(fit.rows.map(({ fits }) => fits)).toEqual(Array(6).fill("whole"));
  });

  test("what does not fit, or is read from the disk, is told as that", async () => {
    const fit = fitModel(await tiny(), { ...asked, available: 2 ** 30 });
    const [first, second, ...rest] = fit.rows.map((row, i) => ({
      ...row,
      fits: (["no", "mapped"] as const)[i] ?? row.fits,
    }));
    const text = fitText({ ...fit, rows: [first, second, ...rest].filter((row) => row !== undefined) });
    expect(text).toMatch(/^--dtype float32 +\S+ MiB +no .* -$/m);
    expect(text).toMatch(/^--dtype bfloat16 +\S+ MiB +from disk .* \d+$/m);
  });

  test("more requests fit the more memory there is", async () => {
    const config = await tiny();
    const batches = [2 ** 28, 2 ** 30, 2 ** 32].map(
      (available) => fitModel(config, { ...asked, available }).rows[0]?.batch ?? 0,
    );
    expect(batches).toEqual([...batches].sort((a, b) => a - b));
    expect(batches[2]).toBeGreaterThan(batches[0] ?? 0);
  });

  test("a machine without room for a layer is told", () => {
    const measure = () => fitModel(namedShape("llada-v-8b"), { ...asked, available: 2 ** 30 });
    expect(measure).toThrow(UserError);
    expect(measure).toThrow(
      "one layer of this model takes 832 MiB in float32, and measuring it 1.6 GiB; 1.0 GiB are available",
    );
  });

  test("is told in a table and in JSON", async () => {
    const fit = fitModel(await tiny(), { ...asked, available: 2 ** 30 });
    const text = fitText(fit);
    expect(text).toMatch(/threads; 1\.0 GiB available\. Prompt 20 tokens, answer 8 in 16 steps\.$/m);
    expect(text).toMatch(/^setting +memory +fits +pass +cached step +answer +with a cache +batch$/m);
    expect(text).toMatch(/^--quantize int4 --dtype bfloat16 +\d+ MiB +yes +\S+ s/m);
    const json = JSON.parse(JSON.stringify(fitJson(fit)));
    expect(json).toMatchObject({ prompt_tokens: 20, tiles: 2, gen_length: 8, steps: 16, available: 2 ** 30 });
    expect(json.settings[1]).toMatchObject({ dtype: "bfloat16", quantize: null, fits: "whole" });
    expect(json.settings[5].cached_answer).toBe(fit.rows[5]?.cachedAnswer);
  });
});

test.each(shapeNames)("%s is 8B", (name) => {
  const config = namedShape(name);
  const { parameters } = memoryNeed(config, modelShapes(config), "bfloat16");
  expect(parameters / 1e9).toBeCloseTo(name === "llada-v-8b" ? 8.43 : 8.02, 1);
});

test("a request takes more with more rows, a cache, and more pictures", () => {
  const config = namedShape("llada-v-8b");
  const size = { rows: 947, asked: 128, tiles: 1, cached: false };
  const bytes = requestBytes(config, "bfloat16", size);
  expect(bytes).toBeGreaterThan(2e8);
  expect(bytes).toBeLessThan(1e9);
  expect(requestBytes(config, "bfloat16", { ...size, rows: 4000 })).toBeGreaterThan(bytes);
  // Keys, values and both outputs of 32 layers: 1 MiB a row.
  expect(requestBytes(config, "bfloat16", { ...size, cached: true }) - bytes).toBe(947 * 2 ** 20);
  expect(requestBytes(config, "bfloat16", { ...size, tiles: 100 })).toBeGreaterThan(bytes);
});
