/** config.json of trained models. */
import { describe, expect, test } from "vitest";
import { parsePinpoints } from "../../vision/tiles/anyres.js";
import { parseRecipe } from "../recipe/recipe-file.js";
import { expandPinpoints, trainedConfig } from "./trained-config.js";

const recipe = (text = "") => parseRecipe(`model: m\noutput: o\ndata: d.json\n${text}`, "r.yaml");

describe("expandPinpoints", () => {
  test("a range is what inference makes of it", () => {
    for (const range of ["(1x1),...,(6x6)", "(2x1),(3x4)"]) {
      const wanted = parsePinpoints(range, 384).map(({ width, height }) => [width, height]);
      expect(expandPinpoints(range, 384)).toEqual(wanted);
    }
    expect(expandPinpoints("(1x1),...,(2x2)", 28)).toEqual([
      [28, 28],
      [28, 56],
      [56, 28],
      [56, 56],
    ]);
  });

  test("lists stay, nothing stays nothing", () => {
    expect(expandPinpoints([[384, 768]], 384)).toEqual([[384, 768]]);
    expect(expandPinpoints("[(384, 768), (768, 384)]", 384)).toEqual([
      [384, 768],
      [768, 384],
    ]);
    expect(expandPinpoints(null, 384)).toBe(null);
  });

  test("what cannot be meant is an error", () => {
    expect(() => expandPinpoints("(6x6),...,(1x1)", 384)).toThrow(/is empty/);
    expect(() => expandPinpoints("[1, 2]", 384)).toThrow(/list of \[width, height\]/);
  });
});

test("the recipe decides about pictures, the rest is kept", () => {
  const start = {
    model_type: "llava_llada",
    hidden_size: 64,
    image_aspect_ratio: "square",
    mm_patch_merge_type: "flat",
  };
  const config = trainedConfig(start, recipe("mm_vision_tower_lr: 2.0e-6\nmax_length: 16384"), 384, "bfloat16");
  expect(config).toMatchObject({
    model_type: "llava_llada",
    hidden_size: 64,
    torch_dtype: "bfloat16",
    image_aspect_ratio: "anyres_max_4",
    mm_patch_merge_type: "spatial_unpad",
    mm_newline_position: "grid",
    tokenizer_model_max_length: 16384,
    mm_tunable_parts: "mm_vision_tower,mm_mlp_adapter,mm_language_model",
    mm_vision_tower_lr: 2e-6,
    mm_projector_lr: null,
  });
  expect(config.image_grid_pinpoints).toHaveLength(36);
});
