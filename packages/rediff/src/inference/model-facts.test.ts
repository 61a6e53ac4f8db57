import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { test } from "../testing/fixtures.js";
import { writeTinyModel } from "../testing/tiny-model.js";
import { readAskable } from "./model-facts.js";

describe("a model whose config contradicts itself about its rule of decoding is not asked, and its file is named", () => {
  test.for<[Record<string, unknown>, RegExp]>([
    [
      { rule: "factor", threshold: 0.5 },
      /config\.json, rediff: rule factor has no threshold\. It is of rule threshold or/,
    ],
    [{ factor: 1, entropy_bound: 0.1 }, /config\.json, rediff: factor and entropy_bound exclude each other/],
    [{ rule: "joint", edit_threshold: 2 }, /config\.json: rediff\.edit_threshold: /],
    [{ rule: "joint", post_edit_steps: 1.5 }, /rediff.*post_edit_steps/],
  ])("%j", async ([rediff, message], { folder }) => {
    const model = writeTinyModel(join(folder, "model"));
    const file = join(model, "config.json");
    const config = JSON.parse(readFileSync(file, "utf8")) as { rediff?: object };
    writeFileSync(file, JSON.stringify({ ...config, rediff: { ...config.rediff, ...rediff } }));
    await expect(readAskable(model)).rejects.toThrow(message);
  });

  test("one that does not is asked by it", async ({ folder }) => {
    const model = writeTinyModel(join(folder, "model"));
    const file = join(model, "config.json");
    const config = JSON.parse(readFileSync(file, "utf8")) as { rediff?: object };
    const rediff = { ...config.rediff, rule: "joint", threshold: 0.8 };
    writeFileSync(file, JSON.stringify({ ...config, rediff }));
    expect((await readAskable(model)).facts.defaults.decoding).toMatchObject({ rule: "joint", threshold: 0.8 });
  });
});
