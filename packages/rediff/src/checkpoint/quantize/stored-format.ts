/** Which weights of a model are rounded, and how a folder says so.
 *
 *  The linear layers of the blocks, which are nearly all of a model, and the head are; embeddings, norms, the vision tower
 *  and its projector are not. With int4 the head stays int8, the blocks' `down` too, whose inputs have the largest outliers,
 *  and so do the first and the last two blocks of a deep model. With float8 the head stays as it is: confidences are made of
 *  its products, and a GPU has its kernels for them as they are. Measured for the formats: docs/quantize.md. */
import { elementSize, type QuantizedGroup, type quantizedShapes } from "@rediff/torch";
import { z } from "zod";
import { UserError } from "../../errors.js";
import { type Quantization, type QuantizationScheme, quantizations } from "../../models/quantization.js";
import type { Shapes } from "../tensor-names.js";
import { DEFAULT_GROUP, roundedShapes } from "./rounded-weight.js";

export const quantizedGroups = [32, 64, 128] as const satisfies QuantizedGroup[];

/** Behind a weight's name in the files: `model.layers.0.mlp.up_proj.weight.int4`, and `.scales` beside it. */
const SCALES = ".scales";
const LINEAR = /^model\.layers\.(\d+)\.(self_attn\.[qkvo]_proj|mlp\.(?:gate|up|down)_proj)\.weight$/;

const HEAD = "lm_head.weight";

/** What `--quantize` stands for. */
export const schemeFor = (
  weights: Quantization,
  { group = DEFAULT_GROUP, head = true }: { group?: QuantizedGroup | undefined; head?: boolean | undefined } = {},
): QuantizationScheme => (weights === "float8" ? { weights, head: false } : { weights, group, head });

/** What a weight is rounded to under a scheme; undefined for one that is not. */
export function formatOf(
  name: string,
  { weights, head }: Pick<QuantizationScheme, "weights" | "head">,
  layers: number,
): Quantization | undefined {
  if (name === HEAD) return head ? "int8" : undefined;
  const [, layer, part] = LINEAR.exec(name) ?? [];
  if (layer === undefined) return undefined;
  if (weights !== "int4") return weights;
  const ends = Math.min(2, Math.floor(layers / 16));
  const isEnd = Number(layer) < ends || Number(layer) >= layers - ends;
  return isEnd || part === "mlp.down_proj" ? "int8" : "int4";
}

export interface QuantizedNames {
  packed: string;
  scales: string;
}

export const quantizedNames = (name: string, format: Quantization): QuantizedNames => ({
  packed: `${name}.${format}`,
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
    const format = scheme && formatOf(name, scheme, layers);
    if (scheme === undefined || format === undefined) return [{ name, of: name, shape, dtype: undefined }];
    const names = quantizedNames(name, format);
    const { packed, scales } = roundedShapes(format, shape as [number, number], scheme.group);
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

const version = z.union([z.literal(1), z.literal(VERSION)], { error: "this version of the format is not known here" });

const wholeNumbers = z.looseObject({
  version,
  weights: z.enum(quantizations),
  group_size: z.union(quantizedGroups.map((group) => z.literal(group))),
  rotation: z.literal("hadamard"),
  head: z.literal("int8").optional(),
});

const float8 = z.looseObject({
  version,
  weights: z.literal("float8"),
  // Of which nothing is known here, and without which the numbers would be others.
  ...{ group_size: z.undefined().optional(), rotation: z.undefined().optional(), head: z.undefined().optional() },
});

/** The key `quantization_config` of a config.json. transformers looks there as well, and refuses a method that it does
 *  not know instead of reading noise. */
export function quantizationConfig({ weights, group, head }: QuantizationScheme): Record<string, unknown> {
  return {
    quant_method: METHOD,
    version: VERSION,
    weights,
    ...(head && { head: "int8" }),
    ...(weights === "float8"
      ? { activations: "float8 per row" }
      : { group_size: group, rotation: "hadamard", activations: "int8 per row and group" }),
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
  const isFloat8 = z.looseObject({ weights: z.literal("float8") }).safeParse(given).success;
  const parsed = (isFloat8 ? float8 : wholeNumbers).safeParse(given);
  if (parsed.success) {
    const { weights, group_size: group, head } = parsed.data;
    return schemeFor(weights, { group, head: head !== undefined });
  }
  const [issue] = parsed.error.issues;
  throw new UserError(
    `${file}: quantization_config.${issue?.path.join(".")}: ${issue?.message}`,
    "Was the folder written by a newer version of rediff?",
  );
}
