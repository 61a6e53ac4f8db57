/** From LLaDA-8B-Instruct's own naming to the Llama-style one that LLaDA-V starts from: the same numbers under other
 *  names, tensor by tensor, so that memory never holds more than one.
 *
 *  Departures from the reference's tool: it warns about a name that it does not know and goes on, and needs an index
 *  made elsewhere; here nothing is dropped, nothing may be missing, and the index is written. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type DType, elementSize, saveCheckpointInTurns, type TensorSource } from "@rediff/torch";
import { UserError } from "../../errors.js";
import type { LladaConfig } from "../../models/llada/llada-config.js";
import {
  abortSignal,
  assertText,
  flag,
  listener,
  number,
  type OptionTypes,
  optionSet,
} from "../../options/option-set.js";
import { assertRows } from "../../text/bounds/token-ids.js";
import { loadTokenizer, type Tokenizer } from "../../text/tokenizer.js";
import { parseConfig, readJson } from "../config.js";
import { carryFiles, checkOutput, intoFolder, writeJson } from "../model-folder.js";
import { lladaShapes, renameOriginal, type Shapes } from "../tensor-names.js";
import { assertTensors, type Checkpoint, compareTensors, openCheckpoint, storedName } from "../weights.js";
import { assertLlada, renamedConfig } from "./converted-config.js";

export interface ConvertOptions {
  /** Replace the model in a folder that is not empty. */
  force?: boolean | undefined;
  /** Default 5e9, as Hugging Face's tools. */
  maxShardBytes?: number | undefined;
  onProgress?: ((bytes: number, total: number) => void) | undefined;
  /** Heard between two tensors; its reason is thrown, and nothing of the output stays. */
  signal?: AbortSignal | undefined;
}

export const convertTypes: OptionTypes<ConvertOptions> = {
  force: flag,
  maxShardBytes: number,
  onProgress: listener,
  signal: abortSignal,
};
const checkRename = optionSet<ConvertOptions>(convertTypes);

export interface Conversion {
  output: string;
  tensors: number;
  bytes: number;
  parameters: number;
  /** Things that the user should know. */
  notes: string[];
}

/** A text-only LLaDA that was read and checked, whatever its naming. */
export interface LladaSource extends Disposable {
  folder: string;
  raw: Record<string, unknown>;
  config: LladaConfig;
  checkpoint: Checkpoint;
  /** Llama-style names. */
  shapes: Shapes;
  naming: "original" | "renamed";
  /** Of most of the weights. */
  dtype: DType;
  tokenizer: Tokenizer | undefined;
}

/** @throws UserError when it is no LLaDA, or when a tensor is missing, misshapen, or would be dropped */
export async function openLlada(folder: string): Promise<LladaSource> {
  const file = join(folder, "config.json");
  const raw = await readJson(file);
  if (raw === undefined) throw new UserError(`${folder} has no config.json`, "Give the folder of a LLaDA.");
  const { modelType, llada, quantization, raw: object } = parseConfig(raw, undefined, file);
  if (modelType !== "llada")
    throw new UserError(`${folder} is a LLaDA-V already (model_type ${modelType})`, "It needs no conversion.");
  if (quantization !== undefined)
    throw new UserError(
      `${folder} has weights in ${quantization.weights}, which are not converted any further`,
      "Convert the model that it was made of, and round the result (`rediff convert --quantize`).",
    );
  assertLlada(file, object);
  const tokenizer = existsSync(join(folder, "tokenizer.json")) ? await loadTokenizer(folder) : undefined;
  if (tokenizer) assertRows(tokenizer, llada.vocabSize);
  const checkpoint = openCheckpoint(folder);
  try {
    const shapes = lladaShapes(llada);
    const { missing, misshapen } = compareTensors(checkpoint, shapes);
    // Stricter than loading, which passes over buffers that can be computed: what is not written would be lost.
    assertTensors(folder, { missing, misshapen, unexpected: dropped(checkpoint, shapes) });
    const original = "d_model" in object || checkpoint.names().some((name) => !shapes.has(name));
    return {
      folder,
      raw: object,
      config: llada,
      checkpoint,
      shapes,
      naming: original ? "original" : "renamed",
      dtype: mainDtype(checkpoint),
      tokenizer,
      [Symbol.dispose]: () => checkpoint[Symbol.dispose](),
    };
  } catch (error) {
    checkpoint[Symbol.dispose]();
    throw error;
  }
}

/** Names in the files that have no place in the renamed layout, or whose place is taken. */
function dropped(checkpoint: Checkpoint, shapes: Shapes): string[] {
  return checkpoint.names().filter((name) => {
    const target = shapes.has(name) ? name : renameOriginal(name);
    return target === undefined || !shapes.has(target) || storedName(checkpoint, target) !== name;
  });
}

/** The dtype that most parameters have. */
export function mainDtype(checkpoint: Checkpoint): DType {
  const counts = new Map<DType, number>();
  for (const name of checkpoint.names()) {
    const { dtype, begin, end } = checkpoint.info(name);
    counts.set(dtype, (counts.get(dtype) ?? 0) + end - begin);
  }
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0] ?? "float32";
}

/** The tensors of a LLaDA for writing, in the order of the layers; mapped, not read, until their turn. */
export function lladaSources({ checkpoint, shapes }: LladaSource): TensorSource[] {
  return [...shapes.keys()].map((name) => {
    const stored = storedName(checkpoint, name) ?? name;
    const { dtype, shape } = checkpoint.info(stored);
    return { name, dtype, shape, tensor: () => checkpoint.get(stored) };
  });
}

/** Writes `source`, a LLaDA in its own naming, as `output` in the renamed layout. All is checked before anything is
 *  written; `output` appears when it is complete.
 *  @throws UserError when nothing is to be renamed, when a tensor would be dropped, is missing or misshapen, or when
 *  `output` is in use */
export async function renameLlada(source: string, output: string, options: ConvertOptions = {}): Promise<Conversion> {
  checkRename(options);
  assertText("the folder to read", source);
  assertText("the folder to write", output);
  using llada = await openLlada(source);
  if (llada.naming === "renamed")
    throw new UserError(`${source} has the renamed layout already`, "Use it as it is; nothing was written.");
  const { raw, config, dtype, tokenizer } = llada;
  const notes =
    tokenizer === undefined ? [`${source} has no tokenizer; ${output} needs one before it can be used`] : [];
  const written = await writeModel(output, {
    options,
    sources: [source],
    tensors: lladaSources(llada),
    config: renamedConfig(raw, config, dtype, tokenizer),
    carryFrom: source,
  });
  return { ...written, notes };
}

export interface ModelToWrite {
  options: ConvertOptions;
  /** Folders that are read meanwhile. */
  sources: readonly string[];
  tensors: readonly TensorSource[];
  config: Record<string, unknown>;
  /** Where tokenizer, generation settings and licence come from. */
  carryFrom: string;
}

/** Room for config.json, tokenizer and headers. */
const SMALL_FILES = 32 << 20;

/** Writes a model folder: weights and their index, the small files, and config.json. */
export async function writeModel(output: string, model: ModelToWrite): Promise<Omit<Conversion, "notes">> {
  const { options, sources, tensors, config, carryFrom } = model;
  const { onProgress, maxShardBytes, force, signal } = options;
  const bytes = sumOf(tensors, ({ dtype, shape }) => byteSize(dtype, shape));
  await checkOutput(output, { force, bytes: bytes + SMALL_FILES, sources });
  let done = 0;
  const watched = tensors.map((source) => ({
    ...source,
    tensor: () => {
      onProgress?.(done, bytes);
      done += byteSize(source.dtype, source.shape);
      return source.tensor();
    },
  }));
  await intoFolder(output, async (folder) => {
    await saveCheckpointInTurns(folder, watched, { signal, ...(maxShardBytes !== undefined && { maxShardBytes }) });
    await carryFiles(carryFrom, folder);
    await writeJson(join(folder, "config.json"), config);
    onProgress?.(bytes, bytes);
  });
  return { output, tensors: tensors.length, bytes, parameters: sumOf(tensors, ({ shape }) => elements(shape)) };
}

const elements = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);
const byteSize = (dtype: DType, shape: readonly number[]): number => elementSize(dtype) * elements(shape);
const sumOf = <T>(items: readonly T[], size: (item: T) => number): number =>
  items.reduce((sum, item) => sum + size(item), 0);
