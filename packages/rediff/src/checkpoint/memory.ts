/** How much memory a model will need, known before anything is read, and what to do where there is less. */
import { readFileSync } from "node:fs";
import os from "node:os";
import { type Device, type DType, elementSize } from "@rediff/torch";
import { option, UserError, type Wording, wording } from "../errors.js";
import type { ModelConfig } from "../models/llava/llava.js";
import { cpuQuantizations, type Quantization, type QuantizationScheme } from "../models/quantization.js";
import { schemeFor, storedBytes, storedEntries } from "./quantize/stored-format.js";
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

/** What a request takes beside the weights, in rows: prompt and answer. */
export interface RequestSize {
  rows: number;
  /** Rows that go through the head. */
  asked: number;
  /** Tiles of its pictures, which the tower sees at once. */
  tiles: number;
  /** Whether features of all layers are kept between passes. */
  cached: boolean;
}

/** Bytes of a request at its largest moment: an estimate, rounded up. */
export function requestBytes(config: ModelConfig, dtype: DType, { cached, ...size }: RequestSize): number {
  const { hiddenSize, layers, kvHeads, headDim } = config.llada;
  const features = cached ? layers * size.rows * elementSize(dtype) * (2 * kvHeads * headDim + 2 * hiddenSize) : 0;
  return features + workingBytes(config, dtype, [size]);
}

/** Bytes that a forward pass over these requests takes beside the weights and what caches keep: an estimate, rounded up.
 *  Pictures are encoded one request after the other, before it is decoded. */
export function workingBytes(config: ModelConfig, dtype: DType, sizes: readonly Omit<RequestSize, "cached">[]): number {
  const { hiddenSize, intermediateSize, vocabSize } = config.llada;
  const bytes = elementSize(dtype);
  const vision = config.multimodal?.vision;
  const patches = vision === undefined ? 0 : Math.floor(vision.imageSize / vision.patchSize) ** 2;
  const perPatch =
    vision === undefined ? 0 : 2 * vision.hiddenSize + Math.max(8 * vision.hiddenSize, 2 * vision.intermediateSize);
  const sum = (of: (size: Omit<RequestSize, "cached">) => number) => sizes.reduce((all, size) => all + of(size), 0);
  const rows = sum((size) => size.rows);
  const tower = Math.max(0, ...sizes.map(({ tiles }) => tiles * patches * bytes * perPatch));
  // Logits in float32, and twice that while confidences are taken off them.
  const head = 3 * 4 * sum((size) => size.asked) * vocabSize;
  const blocks = rows * bytes * (2 * hiddenSize + Math.max(8 * hiddenSize, 3 * intermediateSize));
  return Math.max(tower, blocks, head) + 2 * rows * bytes * hiddenSize;
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

/** Bytes of the weights that are used as they lie in the files: mapped, so that the system may drop them and read them
 *  again, and they need not be in memory all at once.
 *  @param stored the dtype of a tensor in the files; undefined where it is not read from there as it is */
export function mappedBytes(
  shapes: Shapes,
  { dtype, scheme, layers }: { dtype: DType; scheme: QuantizationScheme | undefined; layers: number },
  stored: (name: string) => DType | undefined,
): number {
  return storedEntries(shapes, scheme, layers).reduce((sum, { name, shape, dtype: packed }) => {
    const wanted = packed ?? dtype;
    return stored(name) === wanted ? sum + shape.reduce((n, size) => n * size, elementSize(wanted)) : sum;
  }, 0);
}

/** Another way to load the model that takes less. */
export interface SmallerSetting {
  dtype?: DType;
  quantize?: Quantization;
  need: MemoryNeed;
  /** Bytes of its weights that need not be resident. */
  mapped: number;
}

export interface MemoryPlan {
  folder: string;
  need: MemoryNeed;
  dtype: DType;
  /** Bytes of the weights that need not be resident. */
  mapped: number;
  /** What else there is, the more exact first. */
  smaller: readonly SmallerSetting[];
}

const total = ({ weights, activations }: MemoryNeed): number => weights + activations;

/** Whether a setting fits: whole, or with weights that are read again from the disk in every pass. */
export function fit(
  { need, mapped }: Pick<MemoryPlan, "need" | "mapped">,
  available: number,
): "whole" | "mapped" | "no" {
  if (total(need) <= available) return "whole";
  return total(need) - mapped <= available ? "mapped" : "no";
}

/** Judges a model by main memory before it is read.
 *  @returns what to tell where it works and has a price
 *  @throws UserError when it cannot fit, with what would */
export function assertMemory(
  plan: MemoryPlan,
  device: Device,
  available = availableMemory(),
): { words: Wording } | undefined {
  if (device !== "cpu") return undefined; // a GPU's allocator gives a precise error itself, and main memory only holds a mapping
  const { folder, need, dtype, mapped } = plan;
  const fits = fit(plan, available);
  if (fits === "whole") return undefined;
  const fitting = plan.smaller.filter((setting) => fit(setting, available) === "whole");
  if (fits === "mapped") {
    const missing = Math.min(mapped, total(need) - available);
    return {
      words: [
        `${folder} takes about ${gib(total(need))} in ${dtype}, and ${gib(available)} are available: ${gib(mapped)} of it are mapped from the files, of which every forward pass reads ${gib(missing)} or more from the disk again`,
        ...(fitting.length === 0 ? [] : ["; ", ...namesOf(fitting), " would fit"]),
      ],
    };
  }
  const mappable = plan.smaller.filter((setting) => fit(setting, available) === "mapped");
  const least = plan.smaller.reduce((least, { need }) => Math.min(least, total(need)), Number.POSITIVE_INFINITY);
  const remedies: Wording =
    fitting.length > 0
      ? ["Use ", ...namesOf(fitting), ", a machine with more memory, or a GPU"]
      : mappable.length > 0
        ? [
            "Use ",
            ...namesOf(mappable),
            " (partly read from the disk in every pass), a machine with more memory, or a GPU",
          ]
        : Number.isFinite(least)
          ? [
              `Nothing that is smaller fits either (the least is ${gib(least)}): use a machine with more memory, or a GPU`,
            ]
          : ["Use a machine with more memory, or a GPU"];
  throw new UserError(
    `${folder} needs about ${gib(total(need))} in ${dtype} (${gib(need.weights)} of weights), and ${gib(available)} are available`,
    [...remedies, ...wording`; to try anyway, leave out the check (${option("memoryCheck")}).`],
    { code: "not_enough_memory" },
  );
}

/** `dtype bfloat16 (16.1 GiB), quantize int8 (9.9 GiB, approximate)` */
function namesOf(settings: readonly SmallerSetting[]): Wording {
  return settings.flatMap(({ dtype, quantize, need }, i): Wording => {
    const comma = i === 0 ? "" : i === settings.length - 1 ? " or " : ", ";
    return quantize === undefined
      ? wording`${comma}${option("dtype")} ${dtype ?? ""} (${gib(total(need))})`
      : [
          ...wording`${comma}${option("quantize")} ${quantize}`,
          ...(dtype === undefined ? [] : wording` with ${option("dtype")} ${dtype}`),
          ` (${gib(total(need))}, approximate)`,
        ];
  });
}

/** What a model may be loaded as where it is too large as it was asked for: nothing where it is rounded already. */
export function smallerSettings(
  config: ModelConfig,
  shapes: Shapes,
  { dtype, scheme }: { dtype: DType; scheme: QuantizationScheme | undefined },
  stored: (name: string) => DType | undefined = () => undefined,
): SmallerSetting[] {
  const { layers } = config.llada;
  const now = total(memoryNeed(config, shapes, dtype, scheme));
  const settings: SmallerSetting[] = [];
  const add = (setting: Omit<SmallerSetting, "need" | "mapped">, as: QuantizationScheme | undefined) => {
    const wanted = setting.dtype ?? dtype;
    const need = memoryNeed(config, shapes, wanted, as);
    // What is rounded while it is read, is mapped from nowhere.
    const rounds = as !== undefined && config.quantization === undefined;
    const quantized = new Set(rounds ? quantizedEntries(shapes, as, layers) : []);
    const mapped = mappedBytes(shapes, { dtype: wanted, scheme: as, layers }, (name) =>
      quantized.has(name) ? undefined : stored(name),
    );
    if (total(need) < now) settings.push({ ...setting, need, mapped });
  };
  if (dtype === "float32") add({ dtype: "bfloat16" }, scheme);
  if (config.quantization === undefined)
    for (const weights of cpuQuantizations) {
      add({ quantize: weights }, schemeFor(weights));
      if (dtype === "float32") add({ dtype: "bfloat16", quantize: weights }, schemeFor(weights));
    }
  return settings;
}

const quantizedEntries = (shapes: Shapes, scheme: QuantizationScheme, layers: number): string[] =>
  storedEntries(shapes, scheme, layers).flatMap(({ name, dtype }) => (dtype === undefined ? [] : [name]));
