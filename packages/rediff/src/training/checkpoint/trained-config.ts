/** The config.json of a model that a recipe trains: the start's own, with what the recipe decides about pictures, and
 *  with the keys by which the original records a run. It is what training reads pictures by, and what inference will. */
import { UserError } from "../../errors.js";
import type { RecipeKeys } from "../recipe/recipe.js";

type Raw = Record<string, unknown>;

/** @param raw the config.json that training starts from, of a LLaDA-V or ReDiff
 *  @param tileSize pixels along a side of a tile, the unit of a range of pinpoints
 *  @param dtype what the weights are stored in */
export function trainedConfig(raw: Raw, recipe: RecipeKeys, tileSize: number, dtype: string): Raw {
  return {
    ...raw,
    torch_dtype: dtype,
    image_aspect_ratio: recipe.image_aspect_ratio,
    image_grid_pinpoints: expandPinpoints(recipe.image_grid_pinpoints, tileSize),
    mm_patch_merge_type: recipe.mm_patch_merge_type,
    mm_newline_position: recipe.mm_newline_position,
    mm_spatial_pool_mode: recipe.mm_spatial_pool_mode,
    tokenizer_model_max_length: recipe.max_length,
    force_sample: recipe.force_sample,
    add_time_instruction: recipe.add_time_instruction,
    mm_tunable_parts: recipe.mm_tunable_parts.join(","),
    mm_projector_lr: recipe.mm_projector_lr ?? null,
    mm_vision_tower_lr: recipe.mm_vision_tower_lr ?? null,
  };
}

/** "(1x1),...,(6x6)" in tiles -> all [width, height] in pixels, width in the outer loop. A list stays as it is.
 *
 *  The original takes a range for the tile sizes 224 to 512 only; here it means the same for all. */
export function expandPinpoints(
  value: RecipeKeys["image_grid_pinpoints"],
  tileSize: number,
): [number, number][] | null {
  if (value === null) return null;
  if (typeof value !== "string") return value;
  if (!value.includes("x")) return parseList(value);
  const corners = [...value.matchAll(/\((\d+)x(\d+)\)/g)].map((match) => [Number(match[1]), Number(match[2])] as const);
  const [first, last] = [corners[0], corners.at(-1)];
  if (first === undefined || last === undefined || last[0] < first[0] || last[1] < first[1])
    throw new UserError(`image_grid_pinpoints is the range "${value}", which is empty`, "Write (1x1),...,(6x6).");
  const widths = Array.from({ length: last[0] - first[0] + 1 }, (_, i) => (first[0] + i) * tileSize);
  const heights = Array.from({ length: last[1] - first[1] + 1 }, (_, i) => (first[1] + i) * tileSize);
  return widths.flatMap((width) => heights.map((height): [number, number] => [width, height]));
}

/** "[[384, 768], [768, 384]]", with brackets of either kind. */
function parseList(text: string): [number, number][] {
  try {
    const list: unknown = JSON.parse(text.replaceAll("(", "[").replaceAll(")", "]"));
    if (Array.isArray(list) && list.every(isPair)) return list;
  } catch {
    // said below
  }
  throw new UserError(
    `image_grid_pinpoints is "${text}"; expected a list of [width, height] in pixels`,
    "Write for example [[384, 768], [768, 384]].",
  );
}

const isPair = (value: unknown): value is [number, number] =>
  Array.isArray(value) && value.length === 2 && value.every((side) => Number.isSafeInteger(side) && side > 0);
