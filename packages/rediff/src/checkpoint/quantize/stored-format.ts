/** Which weights of a model are rounded to 8 or 4 bits, and how a folder says so.
 *
 *  The linear layers of the blocks, which are nearly all of a model, and the head are; embeddings, norms, the vision tower
 *  and its projector are not. With int4 the head stays int8, the blocks' `down` too, whose inputs have the largest outliers,
 *  and so do the first and the last two blocks of a deep model. Measured for the formats: docs/quantize.md. */
import { elementSize, type QuantizedBits, type QuantizedGroup, quantizedShapes } from "@rediff/torch";
import { z } from "zod";
import { UserError } from "../../errors.js";
import { type Quantization, type QuantizationScheme, quantizations } from "../../models/quantization.js";
import type { Shapes } from "../tensor-names.js";

export const quantizedGroups = [32, 64, 128] as const satisfies QuantizedGroup[];

export const DEFAULT_GROUP: QuantizedGroup = 128;

/** Behind a weight's name in the files: `model.layers.0.mlp.up_proj.weight.int4`, and `.scales` beside it. */
const SCALES = ".scales";
const LINEAR = /^model\.layers\.(\d+)\.(self_attn\.[qkvo]_proj|mlp\.(?:gate|up|down)_proj)\.weight$/;

const HEAD = "lm_head.weight";

/** What `--quantize` stands for. */
export const schemeFor = (
  weights: Quantization,
  { group = DEFAULT_GROUP, head = true }: { group?: QuantizedGroup | undefined; head?: boolean | undefined } = {},
): QuantizationScheme => ({ weights, group, head });

/** Bits of a weight under a scheme; undefined for one that is not rounded. */
export function bitsOf(
  name: string,
  { weights, head }: Pick<QuantizationScheme, "weights" | "head">,
  layers: number,
): QuantizedBits | undefined {
  if (name === HEAD) return head ? 8 : undefined;
  const [, layer, part] = LINEAR.exec(name) ?? [];
  if (layer === undefined) return undefined;
  if (weights === "int8" || part === "mlp.down_proj") return 8;
  const ends = Math.min(2, Math.floor(layers / 16));
  return Number(layer) < ends || Number(layer) >= layers - ends ? 8 : 4;
}

export interface QuantizedNames {
  packed: string;
  scales: string;
}

export const quantizedNames = (name: string, bits: QuantizedBits): QuantizedNames => ({
  packed: `${name}.int${bits}`,
  scales: `${name}${SCALES}`,
});

/** A tensor of a model as a quantised folder holds it. */
export interface StoredEntry {
  name: string;
  /** Of the model's tensor that it is, or is a part of. */
  of: string;
  shape: number[];
  /** Fixed for rounded weights; undefined where any will do. */
  dtype: ReturnType<typeof quantizedShapes>["packed"]["dtype"] | undefined;
}

/** What a folder holds of a model with these shapes. */
export function storedEntries(shapes: Shapes, scheme: QuantizationScheme | undefined, layers: number): StoredEntry[] {
  return [...shapes].flatMap(([name, shape]): StoredEntry[] => {
    const bits = scheme && bitsOf(name, scheme, layers);
    if (scheme === undefined || bits === undefined) return [{ name, of: name, shape, dtype: undefined }];
    const names = quantizedNames(name, bits);
    const { packed, scales } = quantizedShapes(shape as [number, number], bits, scheme.group);
    return [
      { name: names.packed, of: name, ...packed },
      { name: names.scales, of: name, ...scales },
    ];
  });
}

/** Bytes of all weights, those that are not rounded with elements of `bytes`. */
export function storedBytes(
  shapes: Shapes,
  scheme: QuantizationScheme | undefined,
  layers: number,
  bytes: number,
): number {
  return storedEntries(shapes, scheme, layers).reduce(
    (sum, { shape, dtype }) =>
      sum + shape.reduce((n, size) => n * size, dtype === undefined ? bytes : elementSize(dtype)),
    0,
  );
}

const METHOD = "rediff";
/** The first one had no head. */
const VERSION = 2;

const configSchema = z.looseObject({
  version: z.union([z.literal(1), z.literal(VERSION)], { error: "this version of the format is not known here" }),
  weights: z.enum(quantizations),
  group_size: z.union(quantizedGroups.map((group) => z.literal(group))),
  rotation: z.literal("hadamard"),
  head: z.literal("int8").optional(),
});

/** The key `quantization_config` of a config.json. transformers looks there as well, and refuses a method that it does
 *  not know instead of reading noise. */
export function quantizationConfig({ weights, group, head }: QuantizationScheme): Record<string, unknown> {
  return {
    quant_method: METHOD,
    version: VERSION,
    weights,
    ...(head && { head: "int8" }),
    group_size: group,
    rotation: "hadamard",
    activations: "int8 per row and group",
    modules_to_not_convert: ["embed_tokens", ...(head ? [] : ["lm_head"]), "norm", "vision_tower", "mm_projector"],
  };
}

/** What config.json says of it. @throws UserError for another program's, and for what this version does not know */
export function parseQuantization(raw: Record<string, unknown>, file: string): QuantizationScheme | undefined {
  const given = raw.quantization_config;
  if (given === undefined || given === null) return undefined;
  const method = z.looseObject({ quant_method: z.string() }).safeParse(given).data?.quant_method;
  if (method !== METHOD)
    throw new UserError(
      `${file}: the weights are quantised by ${JSON.stringify(method ?? "an unknown method").slice(0, 100)}, which is not read here`,
      "Take the model as it was published, and round it here: `rediff convert --quantize int8`.",
    );
  const parsed = configSchema.safeParse(given);
  if (parsed.success) {
    const { weights, group_size: group, head } = parsed.data;
    return { weights, group, head: head !== undefined };
  }
  const [issue] = parsed.error.issues;
  throw new UserError(
    `${file}: quantization_config.${issue?.path.join(".")}: ${issue?.message}`,
    "Was the folder written by a newer version of rediff?",
  );
}
