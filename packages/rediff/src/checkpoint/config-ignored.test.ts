/** Keys of config.json that the original never reads, or that say what is known: whatever they hold, the model is the same. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { test } from "../testing/fixtures.js";
import { writeTinyModel } from "../testing/tiny-model.js";
import { loadConfig } from "./config.js";

describe("never read", () => {
  test.for<[string, unknown[]]>([
    ["mm_vision_select_layer", [-1, 0, 99, "last", null]],
    ["mm_vision_select_feature", ["cls_patch", null]],
    ["mm_use_im_start_end", [true, null]],
    ["mm_use_im_patch_token", [true]],
    ["mm_spatial_pool_stride", [1, 4, null]],
    ["add_faster_video", [true]],
    ["faster_token_stride", [10]],
    ["auto_map", [{ AutoModel: "elsewhere--modeling.Other" }]],
    ["architectures", [["LlamaForCausalLM"], null]],
  ])("%s", async ([key, values], { folder }) => {
    writeTinyModel(folder);
    const file = join(folder, "config.json");
    const whole = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
    const { raw: _, ...wanted } = await loadConfig(folder);
    for (const value of values) {
      writeFileSync(file, JSON.stringify({ ...whole, [key]: value }));
      const { raw, ...found } = await loadConfig(folder);
      expect(raw).toMatchObject({ [key]: value });
      expect(found).toEqual(wanted);
    }
  });
});
