/** How much memory a model will need, known before anything is read. */
import { readFileSync } from "node:fs";
import os from "node:os";
import { type Device, type DType, elementSize } from "@rediff/torch";
import { option, UserError, wording } from "../errors.js";
import type { ModelConfig } from "../models/llava/llava.js";
import type { QuantizationScheme } from "../models/quantization.js";
import { storedBytes } from "./quantize/stored-format.js";
import type { Shapes } from "./tensor-names.js";

export interface MemoryNeed {
  /** Parameters. */
  parameters: number;
  /** Bytes of the weights in the wanted dtype. */
  weights: number;
  /** Bytes beyond the weights during a forward pass over `rows` rows: an estimate, rounded up. */
  activations: number;
}

export function countParameters(shapes: Shapes): number {
  let total = 0;
  for (const shape of shapes.values()) total += shape.reduce((product, size) => product * size, 1);
  return total;
}

/** A long prompt (a large picture under anyres_max_4) and its answer. */
const TYPICAL_ROWS = 4096;

export function memoryNeed(
  config: ModelConfig,
  shapes: Shapes,
  dtype: DType,
  scheme: QuantizationScheme | undefined = config.quantization,
): MemoryNeed {
  const { hiddenSize, intermediateSize } = config.llada;
  const bytes = elementSize(dtype);
  const parameters = countParameters(shapes);
  return {
    parameters,
    weights: storedBytes(shapes, scheme, config.llada.layers, bytes),
    // Alive at once in a block: the residual, three projections and the attention output, or gate, up and product.
    activations: TYPICAL_ROWS * bytes * (2 * hiddenSize + Math.max(8 * hiddenSize, 3 * intermediateSize)),
  };
}

/** Memory that a process may still take here: what the system calls available, within a container's limit. */
export function availableMemory(): number {
  let available = os.freemem();
  try {
    const line = /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync("/proc/meminfo", "utf8"));
    if (line !== null) available = Number(line[1]) * 1024;
  } catch {
    // Not Linux: os.freemem() it is.
  }
  const limit = process.constrainedMemory();
  const left = limit > 0 && limit < os.totalmem() ? limit - process.memoryUsage.rss() : available;
  return Math.max(0, Math.min(available, left));
}

export const gib = (bytes: number): string =>
  bytes >= 2 ** 30 ? `${(bytes / 2 ** 30).toFixed(1)} GiB` : `${Math.ceil(bytes / 2 ** 20)} MiB`;

/** @throws UserError when a model cannot fit into main memory, with what would help */
export function assertMemory(
  folder: string,
  need: MemoryNeed,
  dtype: DType,
  device: Device,
  available = availableMemory(),
): void {
  if (device !== "cpu") return; // a GPU's allocator gives a precise error itself, and main memory only holds a mapping
  const wanted = need.weights + need.activations;
  if (wanted <= available) return;
  const smaller =
    dtype === "float32"
      ? wording`Use ${option("dtype")} bfloat16 (half of it), ${option("quantize")} int8 (a quarter, approximate), a machine with more memory, or a GPU`
      : ["Use a machine with more memory, or a GPU"];
  throw new UserError(
    `${folder} needs about ${gib(wanted)} in ${dtype} (${gib(need.weights)} of weights), and ${gib(available)} are available`,
    [...smaller, ...wording`; to try anyway, leave out the check (${option("memoryCheck")}).`],
  );
}
