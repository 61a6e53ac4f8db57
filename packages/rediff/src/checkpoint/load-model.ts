/** From a model folder in Hugging Face's layout to a model: config, tokenizer, weights, all checked against each other
 *  before anything large is read. */
import { existsSync } from "node:fs";
import os from "node:os";
import {
  type Device,
  type DType,
  detachFromScope,
  Float8Weight,
  keepMemory,
  requireDevice,
  requireFloat8,
  Scope,
  scope,
  type Tensor,
  UnsupportedError,
} from "@rediff/torch";
import { z } from "zod";
import { option, UserError, wording } from "../errors.js";
import type { StoredWeight } from "../models/kernels.js";
import type { HeadWeight, Llada } from "../models/llada/llada.js";
import {
  type Model,
  type ModelConfig,
  type MultimodalConfig,
  type VisionEncoder,
  visionGeometry,
} from "../models/llava/llava.js";
import { usualDtype } from "../models/measured/usual-dtype.js";
import { projectorLayerNames } from "../models/projector/projector.js";
import { type Quantization, type QuantizationScheme, quantizations } from "../models/quantization.js";
import type { Affine, Siglip } from "../models/siglip/siglip.js";
import { DEVICE_FORMS, isDeviceName } from "../options/device-name.js";
import { flag, listener, number, object, optionSet, text } from "../options/option-set.js";
import { assertRows } from "../text/bounds/token-ids.js";
import { loadTokenizer } from "../text/tokenizer.js";
import { AdapterTensors, adaptedTensor } from "./adapter/adapter-tensors.js";
import { assertMergeable, loadPartsConfig, locateModel, type ModelParts } from "./adapter/locate-model.js";
import { freshProjector } from "./convert/starting-projector.js";
import type { LateWeights } from "./late-weights.js";
import { assertMemory, mappedBytes, memoryNeed, smallerSettings } from "./memory.js";
import { assertPacked, type LinearSource, roundedWhileRead, storedQuantized } from "./quantize/quantized-weights.js";
import { schemeFor, storedEntries } from "./quantize/stored-format.js";
import {
  BLOCK_NAMES,
  hasNewline,
  lladaShapes,
  modelShapes,
  NEWLINE,
  projectorShapes,
  renameOriginal,
  type Shapes,
  SIGLIP_LAYER_NAMES,
  siglipShapes,
  TOWER_PREFIX,
} from "./tensor-names.js";
import {
  assertTensors,
  type Checkpoint,
  compareTensors,
  openCheckpoint,
  storedName,
  tellUnread,
  Weights,
  warn,
} from "./weights.js";

export interface LoadOptions {
  /** The model that an adapter's folder corrects, a folder or a hub id; default the one that the adapter names. */
  base?: string;
  /** Hears, in a line, of what is in the folder and was not read. Default: a warning of the process. */
  onWarning?: (line: string) => void;
  /** Default cpu. Never fallen back from. */
  device?: Device;
  /** Default float32 on the CPU, bfloat16 elsewhere, float16 on GPUs that do not multiply bfloat16. */
  dtype?: DType;
  /** Folder of a stand-alone SigLIP, read only when the checkpoint has no vision weights. */
  visionTower?: string;
  /** Round the blocks' linear weights to 8 or 4 bits while they are read: approximate, less memory, and faster; int8 and int4
   *  on the CPU, float8 on GPUs that multiply it. */
  quantize?: Quantization;
  /** Check that the model fits into memory before reading it, and requests before they are decoded; default true. */
  memoryCheck?: boolean;
  /** Bytes of what was seen in the last pictures, kept for the next question about one of them; default 256 MiB, 0 for
   *  none. Exact. */
  keepPictures?: number;
  /** In place of the folder's own config.json: training decides some of it, and gives a text-only LLaDA a vision encoder. */
  config?: ModelConfig;
  /** Make a projector and a newline vector from this seed where the checkpoint has none, instead of refusing it. */
  freshSeed?: number;
}

const device = z.custom<Device>(isDeviceName, { error: `expected ${DEVICE_FORMS}` });
const floats = z.enum(["float32", "bfloat16", "float16", "float64"]);

/** @throws OptionError for options that there are not */
export const checkLoad = optionSet<LoadOptions>({
  base: text,
  onWarning: listener,
  device,
  dtype: floats as z.ZodType<DType>,
  visionTower: text,
  memoryCheck: flag,
  quantize: z.enum(quantizations),
  keepPictures: number,
  config: object,
  freshSeed: number,
});

/** A stand-alone SigLIP's tensors, where the model itself has none of the tower. */
function openTower(
  folder: string,
  names: Iterable<string>,
  config: MultimodalConfig,
  path?: string,
): Checkpoint | undefined {
  for (const name of names) if (name.startsWith(TOWER_PREFIX)) return undefined;
  const source = path ?? config.visionTower;
  if (!existsSync(source))
    throw new UserError(
      `${folder} has no vision weights, and the vision tower ${source} is no folder here`,
      wording`Give the folder of the SigLIP model with ${option("visionTower")}, or pull it first (\`rediff pull\`).`,
    );
  return openCheckpoint(source);
}

/** Somebody may think that the model sees through it. */
const unneededTower = (path: string, eyes: MultimodalConfig | undefined): string =>
  `the vision tower ${path} is not read: ${eyes ? "the model has vision weights of its own" : "the model is text-only"}`;

/** The part of a checkpoint that the model does not take: SigLIP's text model, its pooling head, its last layer. */
function checkTower(source: string, tower: Checkpoint, config: MultimodalConfig): void {
  const problems = compareTensors(tower, siglipShapes(config.vision));
  assertTensors(source, { ...problems, unexpected: [] });
}

type WeightSource = Pick<Weights, "get">;

/** Closed together, last opened first; or handed on. */
class OpenFiles implements Disposable {
  #files: Disposable[] = [];

  use<T extends Disposable | undefined>(file: T): T {
    if (file !== undefined) this.#files.push(file);
    return file;
  }

  move(): OpenFiles {
    const moved = new OpenFiles();
    moved.#files = this.#files.splice(0);
    return moved;
  }

  [Symbol.dispose](): void {
    for (const file of this.#files.splice(0).reverse()) file[Symbol.dispose]();
  }
}

/** Shapes of projector and newline as training begins with them, those that the checkpoint lacks; `made` are the
 *  projector's. A projector is fresh as a whole or not at all. */
function freshShapes(config: ModelConfig, has: (name: string) => boolean, seed: number | undefined) {
  if (seed === undefined || config.multimodal === undefined) return undefined;
  const shapes = projectorShapes(config.multimodal, config.llada.hiddenSize);
  const lacksProjector = ![...shapes.keys()].some(has);
  if (hasNewline(config.multimodal)) shapes.set(NEWLINE, [config.llada.hiddenSize]);
  return {
    seed,
    shapes,
    lacks: (name: string) => shapes.has(name) && (name === NEWLINE ? !has(name) : lacksProjector),
  };
}

/** Made when all else was found to fit. */
function freshTensors(fresh: ReturnType<typeof freshShapes>) {
  const owned = new Scope();
  const tensors = new Map<string, Tensor>();
  if (fresh !== undefined)
    for (const [name, tensor] of owned.run(() => freshProjector(fresh.shapes, fresh.seed)))
      if (fresh.lacks(name)) tensors.set(name, tensor);
  return {
    take(name: string, place: { dtype: DType; device: Device }): Tensor | undefined {
      const made = tensors.get(name);
      return made && detachFromScope(scope(() => made.to({ ...place, copy: true })));
    },
    [Symbol.dispose]: () => owned[Symbol.dispose](),
  };
}

function mapValues<K extends string, A, B>(entries: Readonly<Record<K, A>>, make: (value: A) => B): Record<K, B> {
  return Object.fromEntries(Object.entries<A>(entries).map(([key, value]) => [key, make(value)])) as Record<K, B>;
}

/** @param rounded reads what is rounded; undefined for what is not */
function readLlada(config: ModelConfig, weights: WeightSource, rounded: LinearSource): Llada {
  const shapes = lladaShapes(config.llada);
  const read = (name: string) => rounded(name, shapes.get(name) ?? []) ?? weights.get(name);
  const norms = { inputNorm: BLOCK_NAMES.inputNorm, postAttentionNorm: BLOCK_NAMES.postAttentionNorm };
  const { inputNorm: _, postAttentionNorm: __, ...linears } = BLOCK_NAMES;
  const blocks = Array.from({ length: config.llada.layers }, (_, i) => {
    const named = (name: string) => `model.layers.${i}.${name}.weight`;
    return {
      ...mapValues(norms, (name) => weights.get(named(name))),
      ...mapValues(linears, (name) => read(named(name))),
    };
  });
  return {
    config: config.llada,
    weights: {
      embedTokens: weights.get("model.embed_tokens.weight"),
      blocks,
      norm: weights.get("model.norm.weight"),
      head: asHead(read("lm_head.weight")),
    },
  };
}

/** No scheme rounds a head to float8 (quantize/stored-format.ts). */
function asHead(weight: StoredWeight): HeadWeight {
  if (weight instanceof Float8Weight)
    throw new Error("lm_head.weight was read as float8, which no format has for a head");
  return weight;
}

function readTower(config: MultimodalConfig, weights: WeightSource, prefix: string): Siglip {
  const affine = (name: string): Affine => ({
    weight: weights.get(`${prefix}vision_model.${name}.weight`),
    bias: weights.get(`${prefix}vision_model.${name}.bias`),
  });
  const layers = Array.from({ length: config.vision.layers - 1 }, (_, i) =>
    mapValues(SIGLIP_LAYER_NAMES, (name) => affine(`encoder.layers.${i}.${name}`)),
  );
  return {
    config: config.vision,
    weights: {
      patchEmbedding: affine("embeddings.patch_embedding"),
      positions: weights.get(`${prefix}vision_model.embeddings.position_embedding.weight`),
      layers,
      postNorm: affine("post_layernorm"),
    },
  };
}

/** Loads a model folder in Hugging Face's layout, or an adapter's folder, merged into its base.
 *
 *  Weights are mapped from the files where dtype and device allow. The class is chosen by config.model_type.
 *  @throws UserError listing all missing, unexpected and misshapen tensors; when it cannot fit into memory; when
 *  tokenizer and weights do not belong together; when an adapter's base is not found; when the device is not there */
export async function loadModelFolder(folder: string, options: LoadOptions = {}): Promise<Model> {
  return await readModel(folder, options);
}

/** The same, for callers of this package.
 *  @param late reads the weights when they are asked for, and not now. Files stay open until it is disposed of, and whether all
 *  fits into memory is not looked at */
export async function readModel(folder: string, options: LoadOptions, late?: LateWeights): Promise<Model> {
  checkLoad(options);
  const device = options.device ?? "cpu";
  requireDevice(device);
  if (options.dtype !== undefined) assertRoundable(options, options.dtype);
  const parts = await locateModel(folder, options);
  const config = options.config ?? (await loadPartsConfig(parts));
  const scheme = schemeOf(parts, config.quantization, options.quantize);
  const usual = usualDtype(device, scheme !== undefined);
  const dtype = options.dtype ?? usual.dtype;
  if (config.quantization !== undefined) assertRoundable({ quantize: config.quantization.weights }, dtype);
  if (options.dtype === undefined && usual.note !== undefined) warn(usual.note, options.onWarning);
  if (scheme?.weights === "float8") checkFloat8(device, options.onWarning);
  if (dtype === "float16" && device === "cpu") warn(SLOW_FLOAT16, options.onWarning);
  const tokenizer = await loadTokenizer(parts.tokenizer);
  assertRows(tokenizer, config.llada.vocabSize);

  using files = new OpenFiles();
  const { adapters } = files.use(await openAdapters(parts.adapters));
  const replaced = (name: string) => adapters.some((adapter) => adapter.replacements.has(name));
  const checkpoint = files.use(openCheckpoint(parts.weights));
  tellUnread(checkpoint, options.onWarning);
  const { multimodal } = config;
  const named = [...checkpoint.names(), ...adapters.flatMap((adapter) => [...adapter.replacements.keys()])];
  const tower = multimodal && files.use(openTower(parts.weights, named, multimodal, options.visionTower));
  if (options.visionTower !== undefined && tower === undefined)
    warn(unneededTower(options.visionTower, multimodal), options.onWarning);
  const shapes = modelShapes(config);
  for (const adapter of adapters) {
    adapter.assertFits(shapes);
    warn(adapter.incompleteness(shapes), options.onWarning);
  }
  const lacking = freshShapes(config, (name) => checkpoint.has(name) || replaced(name), options.freshSeed);
  const elsewhere = (name: string) =>
    lacking?.lacks(name) === true || replaced(name) || (tower !== undefined && name.startsWith(TOWER_PREFIX));
  const entries = storedEntries(
    new Map([...shapes].filter(([name]) => !elsewhere(name))),
    config.quantization,
    config.llada.layers,
  );
  const own: Shapes = new Map(entries.map(({ name, shape }) => [name, shape]));
  const problems = compareTensors(checkpoint, own);
  assertTensors(parts.weights, {
    ...problems,
    unexpected: problems.unexpected.filter((name) => !replaced(renamed(name))),
  });
  if (multimodal && tower) checkTower(options.visionTower ?? multimodal.visionTower, tower, multimodal);
  assertPacked(parts.weights, checkpoint, entries);
  if (late === undefined && (options.memoryCheck ?? true)) {
    // As they lie in the files: what is merged, rounded or made is memory of its own.
    const storedDtype = (name: string): DType | undefined => {
      if (lacking?.lacks(name) === true || adapters.some((adapter) => adapter.changes(name))) return undefined;
      const source = tower !== undefined && name.startsWith(TOWER_PREFIX) ? tower : checkpoint;
      const stored = storedName(source, source === tower ? name.slice(TOWER_PREFIX.length) : name);
      return stored === undefined ? undefined : source.info(stored).dtype;
    };
    const asked = { dtype, scheme };
    const told = assertMemory(
      {
        ...{ folder, dtype, need: memoryNeed(config, shapes, dtype, scheme) },
        mapped: mappedBytes(shapes, { ...asked, layers: config.llada.layers }, storedDtype),
        smaller: smallerSettings(config, shapes, asked, storedDtype),
      },
      device,
    );
    if (told !== undefined) warn(new UserError(told.words).line, options.onWarning);
  }

  const fresh = files.use(freshTensors(lacking));
  if (device === "cpu") keepMemory(Math.min(2 ** 30, os.totalmem() / 16));
  const place = { dtype, device };
  const stored = new Weights(checkpoint, place);
  const adapted = (
    source: Weights,
    prefix = "",
    read = (name: string) => source.get(name),
    at: typeof place = place,
  ): WeightSource => ({
    get(name) {
      const inModel = prefix + name;
      if (!adapters.some((adapter) => adapter.changes(inModel))) return read(name);
      const base = source.has(name) ? () => source.stored(name) : undefined;
      return detachFromScope(adaptedTensor(adapters, inModel, base, at));
    },
  });
  const merging = adapted(stored);
  const now: WeightSource = { get: (name) => fresh.take(name, place) ?? merging.get(name) };
  const lately = (source: WeightSource, prefix = ""): WeightSource =>
    late === undefined
      ? source
      : { get: (name) => late.standIn(shapes.get(prefix + name) ?? [], place, () => source.get(name)) };
  const weights = lately(now);
  const whole = adapted(stored, "", (name) => stored.read(name), { dtype, device: "cpu" });
  const rounding = scheme && { scheme, layers: config.llada.layers, device };
  const rounded =
    rounding === undefined
      ? () => undefined
      : config.quantization === undefined
        ? roundedWhileRead((name) => whole.get(name), rounding)
        : storedQuantized(checkpoint, rounding);
  const llada = readLlada(config, weights, rounded);
  const towerWeights = tower && lately(adapted(new Weights(tower, place), TOWER_PREFIX), TOWER_PREFIX);
  const vision = multimodal && readVision(multimodal, weights, towerWeights);
  late?.keepOpen(files.move());
  return {
    folder,
    config,
    llada,
    vision,
    tokenizer,
    dtype,
    device,
    quantization: scheme?.weights,
    memoryCheck: options.memoryCheck,
    vocabulary: Math.min(tokenizer.largest.id + 1, config.llada.vocabSize),
    [Symbol.dispose]() {
      disposeAll(llada.weights);
      disposeAll(vision);
    },
  };
}

function assertRoundable({ quantize }: Pick<LoadOptions, "quantize">, dtype: DType): void {
  if (quantize === undefined) return;
  if (dtype !== "float32" && dtype !== "bfloat16")
    throw new UserError(
      `weights in ${quantize} go with float32 and bfloat16, not with ${dtype}`,
      wording`Use ${option("dtype")} bfloat16.`,
    );
}

const SLOW_FLOAT16 =
  "float16 is for GPUs: a CPU multiplies it many times slower than float32; bfloat16 takes as little memory there";

const SLOW_FLOAT8 =
  "float8 is for GPUs, and slower on the CPU than weights that are not rounded; int8 is the fast format there";

/** Says what float8 costs on a CPU. @throws UserError where the device multiplies none, before anything large is read, and
 *  another error when it could not be found out */
function checkFloat8(device: Device, onWarning: LoadOptions["onWarning"]): void {
  try {
    requireFloat8(device);
  } catch (error) {
    if (!(error instanceof UnsupportedError)) throw error;
    throw new UserError(error.message, wording`Use ${option("quantize")} int8 with the model that is not rounded.`);
  }
  if (device !== "cpu") return;
  warn(SLOW_FLOAT8, onWarning);
}

/** What the blocks' weights and the head are rounded to. @throws UserError where that was done already, otherwise */
function schemeOf(
  parts: ModelParts,
  stored: QuantizationScheme | undefined,
  wanted: Quantization | undefined,
): QuantizationScheme | undefined {
  if (stored === undefined) return wanted && schemeFor(wanted);
  const asBase = wording`Use the model that it was made of as the base, with ${option("quantize")} ${stored.weights}.`;
  assertMergeable(parts, stored, asBase);
  if (wanted !== undefined && wanted !== stored.weights)
    throw new UserError(
      `${parts.weights} has weights in ${stored.weights}, not in ${wanted}`,
      wording`Leave ${option("quantize")} out, or use the model that it was made of.`,
    );
  return stored;
}

const renamed = (name: string): string => renameOriginal(name) ?? name;

async function openAdapters(folders: readonly string[]): Promise<Disposable & { adapters: AdapterTensors[] }> {
  const adapters: AdapterTensors[] = [];
  const close = () => {
    for (const adapter of adapters) adapter[Symbol.dispose]();
  };
  try {
    for (const folder of folders) adapters.push(await AdapterTensors.open(folder));
  } catch (error) {
    close();
    throw error;
  }
  return { adapters, [Symbol.dispose]: close };
}

function readVision(config: MultimodalConfig, weights: WeightSource, tower: WeightSource | undefined): VisionEncoder {
  return {
    config,
    geometry: visionGeometry(config),
    tower: tower === undefined ? readTower(config, weights, TOWER_PREFIX) : readTower(config, tower, ""),
    projector: projectorLayerNames(config.projectorType).map((name) => ({
      weight: weights.get(`model.mm_projector.${name}weight`),
      bias: weights.get(`model.mm_projector.${name}bias`),
    })),
    newline: hasNewline(config) ? weights.get(NEWLINE) : undefined,
  };
}

function disposeAll(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  if (Symbol.dispose in value) (value as Disposable)[Symbol.dispose]();
  else for (const part of Object.values(value)) disposeAll(part);
}
