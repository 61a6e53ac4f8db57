/** A stand-alone SigLIP or SigLIP 2 as it is published: the whole model or its vision half. LLaVA takes the tower
 *  without its last layer and its pooling head. */
import { join } from "node:path";
import { UserError } from "../../errors.js";
import type { SiglipConfig } from "../../models/siglip/siglip.js";
import { readJson, siglipConfig } from "../config.js";
import { type Shapes, siglipShapes } from "../tensor-names.js";
import { assertTensors, type Checkpoint, compareTensors, type TensorProblems } from "../weights.js";

/** What transformers takes for keys that a published config.json leaves out: SigLIP base/16 at 224. */
const DEFAULTS = {
  hidden_size: 768,
  intermediate_size: 3072,
  num_hidden_layers: 12,
  num_attention_heads: 12,
  image_size: 224,
  patch_size: 16,
  layer_norm_eps: 1e-6,
  hidden_act: "gelu_pytorch_tanh",
};

type Raw = Record<string, unknown>;
const isObject = (value: unknown): value is Raw => typeof value === "object" && value !== null && !Array.isArray(value);

/** Whether a config.json is that of a stand-alone SigLIP with a fixed picture size. */
export const isSiglip = (raw: unknown): raw is Raw =>
  isObject(raw) && (raw.model_type === "siglip" || raw.model_type === "siglip_vision_model");

/** @throws UserError when it is none, or one that LLaVA cannot use */
export function parseTowerConfig(raw: unknown, file: string): SiglipConfig {
  if (!isSiglip(raw)) {
    const type = isObject(raw) ? raw.model_type : undefined;
    const hint =
      type === "siglip2"
        ? "Flexible picture sizes (NaFlex) are not for LLaVA: take a SigLIP 2 of a fixed size, whose model_type is siglip."
        : "Give the folder of a SigLIP 2 such as google/siglip2-so400m-patch14-384.";
    throw new UserError(`${file}: model_type is ${JSON.stringify(type)}, expected that of a SigLIP tower`, hint);
  }
  const vision = raw.model_type === "siglip" ? (raw.vision_config ?? {}) : raw;
  const config = siglipConfig({ ...DEFAULTS, ...(isObject(vision) ? vision : {}) }, file);
  if (config.layers < 2)
    throw new UserError(`${file}: the tower has ${config.layers} layer; its last one is left out, so two are needed`);
  return config;
}

export async function loadTowerConfig(folder: string): Promise<SiglipConfig> {
  const file = join(folder, "config.json");
  const raw = await readJson(file);
  if (raw === undefined)
    throw new UserError(`${folder} has no config.json`, "Give the folder of a SigLIP 2 in Hugging Face's layout.");
  return parseTowerConfig(raw, file);
}

/** What a stand-alone SigLIP holds beyond what LLaVA takes. */
function isLeftOut(name: string, layers: number): boolean {
  return (
    /^(text_model\.|vision_model\.head\.)|^logit_(scale|bias)$|\.position_ids$/.test(name) ||
    name.startsWith(`vision_model.encoder.layers.${layers - 1}.`)
  );
}

/** Compares a stand-alone checkpoint with what LLaVA takes; the parts that it leaves out may be there or not. */
export function compareTower(checkpoint: Checkpoint, config: SiglipConfig): TensorProblems & { leftOut: string[] } {
  const problems = compareTensors(checkpoint, siglipShapes(config));
  const leftOut = problems.unexpected.filter((name) => isLeftOut(name, config.layers));
  return { ...problems, unexpected: problems.unexpected.filter((name) => !leftOut.includes(name)), leftOut };
}

/** The tower's shapes under SigLIP's own names. @throws UserError listing what does not fit */
export function checkedTower(folder: string, checkpoint: Checkpoint, config: SiglipConfig): Shapes {
  assertTensors(folder, compareTower(checkpoint, config));
  return siglipShapes(config);
}
