/** What an inspection finds. */
import type { DType } from "@rediff/torch";
import type { ModelConfig } from "../../models/llava/llava.js";
import type { SiglipConfig } from "../../models/siglip/siglip.js";
import type { MemoryNeed } from "../memory.js";
import type { TensorProblems } from "../weights.js";

/** `llada` has the renamed, Llama-style names; `llada-v` is ReDiff as well, the same network. */
export type CheckpointKind = "llada-original" | "llada" | "llada-v" | "siglip" | "adapter" | "unknown";

export interface ListedTensor {
  name: string;
  dtype: DType;
  shape: number[];
  file: string;
}

export interface TokenizerSummary {
  /** Tokens in use. */
  length: number;
  maskId: number;
  bosId: number;
  eosId: number;
  eotId: number;
  chatTemplate: boolean;
}

/** A picture's way into the prompt. */
export interface PictureSummary {
  width: number;
  height: number;
  /** The whole picture included. */
  tiles: number;
  tokens: number;
}

export type Part = "language" | "vision" | "projector" | "newline" | "other";

/** What an adapter says of itself. */
export interface AdapterSummary {
  /** As adapter_config.json names it. */
  base: string | undefined;
  /** Where it was found. */
  baseFolder: string | undefined;
  rank: number;
  alpha: number;
  rslora: boolean;
  /** The last part of the names of corrected modules, and how many there are. */
  modules: Record<string, number>;
  /** Tensors that stand in place of the base's. */
  replaced: string[];
}

export interface Inspection {
  folder: string;
  kind: CheckpointKind;
  /** Of an adapter's folder. Files and tensors are then the adapter's, config and the rest those of its base. */
  adapter?: AdapterSummary;
  /** Why it cannot be used; empty when it can. */
  problems: string[];
  /** What is worth knowing and no obstacle. */
  notes: string[];
  parameters: Record<Part, number> & { total: number };
  /** Parameters by dtype. */
  dtypes: Partial<Record<DType, number>>;
  files: { name: string; bytes: number }[];
  bytes: number;
  /** As far as it could be read. */
  config: ModelConfig | undefined;
  vision: SiglipConfig | undefined;
  picture: PictureSummary | undefined;
  tokenizer: TokenizerSummary | undefined;
  /** Language models only. */
  memory: Partial<Record<DType, MemoryNeed>>;
  tensors: ListedTensor[];
  comparison: TensorProblems;
}

export const NOTHING: TensorProblems = { missing: [], unexpected: [], misshapen: [] };

function partOf(name: string): Part {
  if (name.startsWith("model.vision_tower.") || name.startsWith("vision_model.")) return "vision";
  if (name.startsWith("model.mm_projector.")) return "projector";
  if (name === "model.image_newline") return "newline";
  return /^(model\.(embed_tokens|layers|norm|transformer)|lm_head)\./.test(name) ? "language" : "other";
}

export function countTensors(tensors: readonly ListedTensor[]): Pick<Inspection, "parameters" | "dtypes"> {
  const parameters = { language: 0, vision: 0, projector: 0, newline: 0, other: 0, total: 0 };
  const dtypes: Partial<Record<DType, number>> = {};
  for (const { name, dtype, shape } of tensors) {
    const count = shape.reduce((product, size) => product * size, 1);
    parameters[partOf(name)] += count;
    parameters.total += count;
    dtypes[dtype] = (dtypes[dtype] ?? 0) + count;
  }
  return { parameters, dtypes };
}
