/** The folders that a model consists of. Mostly one; an adapter's folder has corrections only, and says which base they
 *  belong to: by a path relative to itself or to the working directory, by an absolute one, or by a hub id. */
import { existsSync, readdirSync, realpathSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { UserError, type Wording } from "../../errors.js";
import { isModelId } from "../../hub/hub-names.js";
import { type ResolveOptions, resolveModel } from "../../hub/resolve-model.js";
import type { ModelConfig } from "../../models/llava/llava.js";
import type { QuantizationScheme } from "../../models/quantization.js";
import { noConfig, parseConfig, readJson } from "../config.js";
import { ADAPTER_CONFIG, isAdapterFolder, readAdapterConfig } from "./adapter-config.js";

export interface ModelParts {
  /** As it was named. */
  folder: string;
  /** Where the weights are that adapters correct. */
  weights: string;
  /** Where config.json is: an adapter may have one of its own. */
  config: string;
  /** Likewise the tokenizer. */
  tokenizer: string;
  /** Folders of the adapters, in the order in which they are merged. */
  adapters: string[];
}

export interface LocateOptions {
  /** The base of an adapter, a folder or a hub id, in place of the one that it names. */
  base?: string | undefined;
  /** Of the hub's cache. */
  hub?: ResolveOptions;
}

/** An adapter may be one of an adapted model; this many are followed. */
const DEEPEST = 8;

/** @throws UserError when an adapter's base is not found, or when a folder could be read in two ways */
export async function locateModel(folder: string, options: LocateOptions = {}): Promise<ModelParts> {
  if (!isAdapter(folder, options.base))
    return { folder, weights: folder, config: folder, tokenizer: folder, adapters: [] };
  const adapters: string[] = [];
  let weights = folder;
  let { base } = options;
  while (isAdapter(weights, base)) {
    if (adapters.length === DEEPEST || adapters.some((other) => isSame(other, weights)))
      throw new UserError(
        `${folder}: its base is an adapter, and so on without end (${[...adapters, weights].join(" -> ")})`,
        "Name the whole model with --base (`base` in the library and in recipes).",
      );
    adapters.unshift(weights);
    weights = await findBase(weights, base, options.hub);
    base = undefined; // it was that of the outermost
  }
  const owner = (file: string) => adapters.findLast((adapter) => existsSync(join(adapter, file))) ?? weights;
  return { folder, weights, config: owner("config.json"), tokenizer: owner("tokenizer.json"), adapters };
}

/** The config of a model that may be an adapted one. */
export async function loadPartsConfig(parts: ModelParts): Promise<ModelConfig> {
  const file = join(parts.config, "config.json");
  const raw = await readJson(file);
  if (raw === undefined) throw noConfig(parts.config);
  return parseConfig(raw, await readVisionConfig(parts), file);
}

/** @param stored what the weights are rounded to in their files
 *  @param hint what to do in place of it
 *  @throws UserError where there are adapters, and the weights that they correct are rounded */
export function assertMergeable(
  { weights, adapters }: ModelParts,
  stored: QuantizationScheme | undefined,
  hint: Wording | string,
): void {
  if (stored === undefined || adapters.length === 0) return;
  throw new UserError(
    `${weights} has weights in ${stored.weights}, and the adapter ${adapters[0]} cannot be merged into those`,
    hint,
  );
}

/** The tower's shape, where config.json does not hold it. */
export async function readVisionConfig({ config, weights }: ModelParts): Promise<unknown> {
  return (await readJson(join(config, "vision_config.json"))) ?? (await readJson(join(weights, "vision_config.json")));
}

/** @param base whether somebody said that it is one */
function isAdapter(folder: string, base: string | undefined): boolean {
  if (!isAdapterFolder(folder)) {
    if (base === undefined) return false;
    throw new UserError(
      `${folder} has no ${ADAPTER_CONFIG}: it is no adapter, and --base goes with adapters only`,
      "Leave the base out.",
    );
  }
  const whole = wholeWeights(folder);
  if (whole === undefined || base !== undefined) return true;
  throw new UserError(
    `${folder} has both the weights of a whole model (${whole}) and an adapter (${ADAPTER_CONFIG})`,
    "Name the adapter's base with --base (`base` in the library and in recipes), or move one of them to another folder.",
  );
}

/** A file of a whole model's weights in a folder. */
export function wholeWeights(folder: string): string | undefined {
  return readdirSync(folder).find((name) => /^model(-\d+-of-\d+)?\.safetensors(\.index\.json)?$/.test(name));
}

async function findBase(adapter: string, given: string | undefined, hub?: ResolveOptions): Promise<string> {
  if (given !== undefined) return resolveModel(given, hub);
  const { base, revision } = await readAdapterConfig(adapter);
  const how = "Name its base with --base (`base` in the library and in recipes)";
  if (base === undefined)
    throw new UserError(`${adapter} is an adapter that names no base (base_model_name_or_path)`, `${how}.`);
  const places = isAbsolute(base) ? [base] : [resolve(adapter, base), resolve(base)];
  const found = places.filter(isModelFolder);
  const [first, second] = found;
  if (first !== undefined && second !== undefined && !isSame(first, second))
    throw new UserError(`${adapter} is an adapter of ${base}, and there are two: ${first} and ${second}`, `${how}.`);
  if (first !== undefined) return first;
  if (!isModelId(base))
    throw new UserError(`${adapter} is an adapter of ${base}, and there is no such folder here`, `${how}.`);
  try {
    return await resolveModel(base, { ...hub, ...(revision !== undefined && { revision }) });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(
      `${adapter} is an adapter of ${base}: ${error.message}`,
      error.hint === undefined ? `${how}.` : `${error.hint.replace(/\.$/, "")}. ${how}.`,
    );
  }
}

const isModelFolder = (path: string): boolean =>
  ["config.json", ADAPTER_CONFIG].some((file) => existsSync(join(path, file)));

const isSame = (a: string, b: string): boolean => realpathSync(a) === realpathSync(b);
