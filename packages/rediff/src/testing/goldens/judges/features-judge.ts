/** Golden group features: vision tower, projector, and the assembled rows of prompts with pictures and videos. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { inferenceMode, scope, type Tensor } from "@rediff/torch";
import { z } from "zod";
import { runChain } from "../../../models/chain.js";
import { idTensor } from "../../../models/ids.js";
import { type Model, type VisionEncoder, visionGeometry } from "../../../models/llava/llava.js";
import { layOut, normalizePixels } from "../../../models/llava/vision-encoder.js";
import { project } from "../../../models/projector/projector.js";
import { siglipStages } from "../../../models/siglip/siglip.js";
import { decodePicture } from "../../../vision/picture/decode-picture.js";
import { parsePinpoints } from "../../../vision/tiles/anyres.js";
import { makeTiles, type Visual } from "../../../vision/tiles/tiles.js";
import type { GoldenCase, GoldenTensor, Outcome } from "../golden-case.js";
import { framesToTiles, splitFrames } from "./image-preprocess-judge.js";
import { assembleBatch, type Batch } from "./padded-batch.js";
import { goldenModel, Verdict } from "./recorded-tensors.js";

const rows = z.array(z.array(z.number()));

const inputsSchema = z.object({
  image: z.string().optional(),
  images: z.array(z.string()).optional(),
  convert_rgb: z.boolean().default(true),
  mode: z.enum(["anyres", "pad", "square"]).default("anyres"),
  dummy_tile: z.number().optional(),
  input_ids: rows,
  labels: rows.optional(),
  attention_mask: rows.optional(),
  tokenizer_model_max_length: z.number().optional(),
  mm_patch_merge_type: z.string().optional(),
  image_aspect_ratio: z.string().optional(),
  mm_spatial_pool_mode: z.enum(["bilinear", "average", "max"]).optional(),
  mm_newline_position: z.enum(["grid", "frame", "one_token", "no_token"]).optional(),
});

type Inputs = z.infer<typeof inputsSchema>;

export async function run(golden: GoldenCase): Promise<Outcome> {
  const model = await goldenModel(golden.checkpoint);
  const inputs = inputsSchema.parse(golden.inputs);
  const tensors = golden.tensors();
  const verdict = new Verdict(golden);
  const vision = configured(model, inputs);
  const visuals = await visualsOf(golden, inputs, vision, tensors);
  inferenceMode(() =>
    scope(() => {
      const entries = visuals.map((visual) => compareTower(model, vision, visual, tensors, verdict));
      const batch = assembleBatch(model.llada, batchRows(inputs), entries, {
        paddingSide: /left/.test(golden.what) ? "left" : vision.config.tokenizerPaddingSide,
        maxLength: inputs.tokenizer_model_max_length,
      });
      compareBatch(batch, tensors, verdict);
    }),
  );
  return verdict.outcome();
}

/** The model's vision encoder with the settings that a case changes. */
function configured(model: Model, inputs: Inputs): VisionEncoder {
  const vision = model.vision;
  if (vision === undefined) throw new Error("the checkpoint has no vision tower");
  const config = {
    ...vision.config,
    ...(inputs.mm_patch_merge_type !== undefined && { patchMergeType: inputs.mm_patch_merge_type }),
    ...(inputs.image_aspect_ratio !== undefined && { imageAspectRatio: inputs.image_aspect_ratio }),
    ...(inputs.mm_spatial_pool_mode !== undefined && { spatialPoolMode: inputs.mm_spatial_pool_mode }),
    ...(inputs.mm_newline_position !== undefined && { newlinePosition: inputs.mm_newline_position }),
  };
  return { ...vision, config, geometry: visionGeometry(config) };
}

async function visualsOf(
  golden: GoldenCase,
  inputs: Inputs,
  vision: VisionEncoder,
  tensors: Map<string, GoldenTensor>,
): Promise<Visual[]> {
  const tileSize = vision.config.vision.imageSize;
  const frames = tensors.get("in.frames_u8");
  if (frames !== undefined) return [{ kind: "video", ...framesToTiles(splitFrames(frames), tileSize) }];
  const pinpoints = parsePinpoints(vision.config.gridPinpoints, tileSize);
  const names = inputs.images ?? (inputs.image === undefined ? [] : [inputs.image]);
  const visuals: Visual[] = [];
  for (const name of names) {
    const picture = await decodePicture(pictureFile(golden.root, name), {
      colors: inputs.convert_rgb ? "rgb" : "asis",
      autoOrient: false,
    });
    visuals.push({
      kind: "picture",
      ...makeTiles(picture, { tileSize, aspectRatio: { kind: inputs.mode }, pinpoints }),
    });
  }
  if (inputs.dummy_tile !== undefined) visuals.push(blankTile(inputs.dummy_tile));
  return visuals;
}

/** "tall" and "images/tall.png" both name a picture. */
function pictureFile(root: string, name: string): string {
  const candidates = [name, `images/${name}.png`, `images/${name}.jpg`].map((file) => join(root, file));
  const found = candidates.find((file) => existsSync(file));
  if (found === undefined) throw new Error(`there is no picture ${name}`);
  return found;
}

/** What stands for "no picture" in a batch; its rows are not used, so its pixels do not matter. */
function blankTile(tileSize: number): Visual {
  const pixels = new Uint8Array(3 * tileSize * tileSize);
  return { kind: "picture", pixels, tiles: 1, tileSize, imageSize: { width: tileSize, height: tileSize } };
}

function compareTower(
  model: Model,
  vision: VisionEncoder,
  visual: Visual,
  tensors: Map<string, GoldenTensor>,
  verdict: Verdict,
): Tensor {
  const stages = siglipStages(vision.tower);
  const compare = (layer: number, hidden: Tensor) =>
    verdict.tensor(`hidden_${layer}`, hidden, tensors.get(`out.hidden_${layer}`));
  // The first stage makes the patches; the reference counts hidden states from what it gives.
  const tower = runChain(stages, normalizePixels(visual, model.dtype, model.device), (i, input) => {
    if (i > 0) compare(i - 1, input);
  });
  compare(stages.length - 1, tower);
  const projected = project(vision.projector, tower);
  const some = (t: Tensor) => t.indexSelect(0, idTensor([0, 1, visual.tiles - 1], model.device));
  verdict.tensor("tower", tower, tensors.get("out.tower"));
  verdict.tensor("projector", projected, tensors.get("out.projector"));
  if (visual.tiles > 1) {
    verdict.tensor("tower_tiles_0_1_last", some(tower), tensors.get("out.tower_tiles_0_1_last"));
    verdict.tensor("projector_tiles_0_1_last", some(projected), tensors.get("out.projector_tiles_0_1_last"));
  }
  return layOut(vision, projected, visual, vision.newline);
}

function batchRows(inputs: Inputs): { ids: number[]; labels?: number[]; keep?: boolean[] }[] {
  return inputs.input_ids.map((ids, i) => {
    const labels = inputs.labels?.[i];
    const mask = inputs.attention_mask?.[i];
    return { ids, ...(labels && { labels }), ...(mask && { keep: mask.map((value) => value !== 0) }) };
  });
}

function compareBatch(batch: Batch, tensors: Map<string, GoldenTensor>, verdict: Verdict): void {
  verdict.tensor("inputs_embeds", batch.embeds, tensors.get("out.inputs_embeds"));
  const labels = tensors.get("out.labels");
  if (labels !== undefined) verdict.exact("labels", batch.labels.flat(), labels.data);
  const mask = tensors.get("out.attention_mask");
  if (mask !== undefined) verdict.exact("attention_mask", batch.visible.flat().map(Number), mask.data);
}
