/** What a model folder is, how large, and whether it is complete: from config.json, the tokenizer and the headers of
 *  the weight files. No weights are read. A broken folder is described as far as it can be. */
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import type { DType } from "@rediff/torch";
import { UserError } from "../../errors.js";
import { type ModelConfig, visionGeometry } from "../../models/llava/llava.js";
import type { SiglipConfig } from "../../models/siglip/siglip.js";
import { assertText, optionSet, text } from "../../options/option-set.js";
import { rowProblem } from "../../text/bounds/token-ids.js";
import { loadTokenizer } from "../../text/tokenizer.js";
import { pictureLayout } from "../../vision/tiles/token-layout.js";
import { isAdapterFolder } from "../adapter/adapter-config.js";
import { locateModel, wholeWeights } from "../adapter/locate-model.js";
import { parseConfig, readJson } from "../config.js";
import { foreignKeys } from "../convert/converted-config.js";
import { compareTower, isSiglip, parseTowerConfig } from "../convert/siglip-source.js";
import { type MemoryNeed, memoryNeed } from "../memory.js";
import { assertPacked } from "../quantize/quantized-weights.js";
import { storedEntries } from "../quantize/stored-format.js";
import { lladaShapes, modelShapes, renameOriginal, TOWER_PREFIX } from "../tensor-names.js";
import { type Checkpoint, compareTensors, type TensorProblems, unreadText } from "../weights.js";
import { Findings } from "./findings.js";
import { inspectAdapter } from "./inspect-adapter.js";
import {
  type CheckpointKind,
  countTensors,
  type Inspection,
  type ListedTensor,
  NOTHING,
  type PictureSummary,
  type TokenizerSummary,
} from "./inspection.js";
import { readHeaders } from "./weight-headers.js";

export interface InspectOptions {
  /** Of an adapter, a folder or a hub id, in place of the one that it names. */
  base?: string | undefined;
}

const checkInspect = optionSet<InspectOptions>({ base: text });

/** Describes a model folder, or an adapter's, from its headers, without libtorch: what it is, its size, a picture's
 *  tokens, and everything that is wrong with it (`problems`, empty when it can be used).
 *  @throws UserError only for what is no folder, and for a base of what is no adapter */
export async function inspectFolder(folder: string, options: InspectOptions = {}): Promise<Inspection> {
  checkInspect(options);
  assertText("the folder", folder);
  const { base } = options;
  if (!existsSync(folder)) throw new UserError(`there is no folder ${folder}`);
  if (!isAdapterFolder(folder)) {
    if (base !== undefined) await locateModel(folder, { base }); // refuses it
    return inspectModel(folder);
  }
  if (base !== undefined || wholeWeights(folder) === undefined) return inspectAdapter(folder, base, inspectModel);
  const found = new Findings();
  await found.attemptAsync(() => locateModel(folder)); // says that it could be read in two ways
  const inspection = await inspectModel(folder);
  return { ...inspection, problems: [...found.problems, ...inspection.problems] };
}

async function inspectModel(folder: string): Promise<Inspection> {
  const headers = readHeaders(folder);
  using checkpoint = headers.checkpoint;
  const found = new Findings();
  const raw = await found.attemptAsync(() => readJson(join(folder, "config.json")));
  if (raw === undefined && found.problems.length === 0) found.problems.push(`${folder} has no config.json`);
  found.problems.push(...headers.problems);
  if (checkpoint.unread.length > 0) found.notes.push(unreadText(checkpoint));

  const kind = kindOf(raw, checkpoint);
  const config = await readConfig(folder, raw, found);
  const vision = kind === "siglip" ? readVision(folder, raw, found) : config?.multimodal?.vision;
  const comparison = compare(kind, checkpoint, config, vision, found);
  describeProblems(comparison, headers.problems.length > 0, found);
  const tokenizer = kind === "siglip" ? undefined : await readTokenizer(folder, kind, config, found);

  const tensors = checkpoint.names().map((name): ListedTensor => {
    const { dtype, shape, file } = checkpoint.info(name);
    return { name, dtype, shape, file: basename(file) };
  });
  return {
    folder,
    kind,
    problems: found.problems,
    notes: found.notes,
    ...countTensors(config ? unpacked(tensors, config) : tensors),
    files: headers.files,
    bytes: headers.files.reduce((sum, { bytes }) => sum + bytes, 0),
    config,
    vision,
    picture: config && readPicture(config, found),
    tokenizer,
    memory: config ? memoryOf(config, found) : {},
    tensors,
    comparison,
  };
}

/** With the shapes that rounded weights have in the model, for counting parameters; their scales are none. */
function unpacked(tensors: readonly ListedTensor[], config: ModelConfig): ListedTensor[] {
  if (config.quantization === undefined) return [...tensors];
  const shapes = lladaShapes(config.llada);
  const packed = new Map(
    storedEntries(shapes, config.quantization, config.llada.layers)
      .filter(({ dtype }) => dtype !== undefined)
      .map(({ name, of }) => [name, of]),
  );
  return tensors.flatMap((tensor) => {
    const of = packed.get(tensor.name);
    if (of === undefined) return [tensor];
    return tensor.name.endsWith(".scales") ? [] : [{ ...tensor, shape: shapes.get(of) ?? tensor.shape }];
  });
}

type Raw = Record<string, unknown>;
const isObject = (value: unknown): value is Raw => typeof value === "object" && value !== null && !Array.isArray(value);

/** By config.json, whose model_type decides on loading too; without one by the names of the tensors. */
function kindOf(raw: unknown, checkpoint: Checkpoint): CheckpointKind {
  const names = checkpoint.names();
  const isOriginal = names.some((name) => renameOriginal(name) !== undefined);
  if (isSiglip(raw)) return "siglip";
  if (isObject(raw) && raw.model_type === "llava_llada") return "llada-v";
  if (isObject(raw) && raw.model_type === "llada") return isOriginal || "d_model" in raw ? "llada-original" : "llada";
  if (raw !== undefined) return "unknown";
  if (names.some((name) => name.startsWith(TOWER_PREFIX) || name.startsWith("model.mm_projector."))) return "llada-v";
  if (isOriginal) return "llada-original";
  if (names.includes("model.embed_tokens.weight")) return "llada";
  return names.some((name) => name.startsWith("vision_model.")) ? "siglip" : "unknown";
}

async function readConfig(folder: string, raw: unknown, found: Findings): Promise<ModelConfig | undefined> {
  if (raw === undefined || isSiglip(raw)) return undefined;
  const beside = await found.attemptAsync(() => readJson(join(folder, "vision_config.json")));
  const file = join(folder, "config.json");
  const config = found.attempt(() => parseConfig(raw, beside, file));
  if (config) for (const foreign of foreignKeys(config.raw)) found.problems.push(`${file}: ${foreign}`);
  return config;
}

function readVision(folder: string, raw: unknown, found: Findings): SiglipConfig | undefined {
  if (raw === undefined) return undefined;
  return found.attempt(() => parseTowerConfig(raw, join(folder, "config.json")));
}

function compare(
  kind: CheckpointKind,
  checkpoint: Checkpoint,
  config: ModelConfig | undefined,
  vision: SiglipConfig | undefined,
  found: Findings,
): TensorProblems {
  if (kind === "siglip" && vision) {
    const { leftOut, ...problems } = compareTower(checkpoint, vision);
    if (leftOut.length > 0)
      found.notes.push(`${leftOut.length} tensors are not used by LLaVA (text model, pooling head, last layer)`);
    return problems;
  }
  const shapes = config && found.attempt(() => modelShapes(config));
  if (config === undefined || shapes === undefined) return NOTHING;
  const entries = storedEntries(shapes, config.quantization, config.llada.layers);
  found.attempt(() => assertPacked(basename(checkpoint.files[0] ?? ""), checkpoint, entries));
  const problems = compareTensors(checkpoint, new Map(entries.map(({ name, shape }) => [name, shape])));
  const { multimodal } = config;
  if (multimodal === undefined || checkpoint.names().some((name) => name.startsWith(TOWER_PREFIX))) return problems;
  const source = multimodal.visionTower;
  const advice = "give its folder with --vision-tower";
  if (existsSync(source)) found.notes.push(`no vision weights; they are read from ${source}`);
  else found.problems.push(`no vision weights, and the vision tower ${source} is no folder here (${advice})`);
  return { ...problems, missing: problems.missing.filter((name) => !name.startsWith(TOWER_PREFIX)) };
}

/** @param broken whether files could not be read, which explains what is missing */
function describeProblems({ missing, unexpected, misshapen }: TensorProblems, broken: boolean, found: Findings): void {
  const why = broken ? ", as files are" : "";
  if (missing.length > 0) found.problems.push(`${missing.length} tensors are missing${why}: ${some(missing)}`);
  if (unexpected.length > 0)
    found.problems.push(`${unexpected.length} tensors are not part of the model: ${some(unexpected)}`);
  if (misshapen.length > 0)
    found.problems.push(`${misshapen.length} tensors do not fit config.json: ${some(misshapen)}`);
}

function some(names: readonly string[]): string {
  return names.length > 4 ? `${names.slice(0, 3).join(", ")} and ${names.length - 3} more` : names.join(", ");
}

async function readTokenizer(
  folder: string,
  kind: CheckpointKind,
  config: ModelConfig | undefined,
  found: Findings,
): Promise<TokenizerSummary | undefined> {
  if (kind === "unknown" && !existsSync(join(folder, "tokenizer.json"))) return undefined;
  const tokenizer = await found.attemptAsync(() => loadTokenizer(folder));
  if (tokenizer === undefined) return undefined;
  const { length, special, chatTemplate } = tokenizer;
  const problem = config && rowProblem(tokenizer, config.llada.vocabSize);
  if (problem !== undefined) found.problems.push(problem);
  if (chatTemplate === undefined && kind === "llada-v") found.problems.push("the tokenizer has no chat template");
  return {
    length,
    maskId: special.mask,
    bosId: special.bos,
    eosId: special.eos,
    eotId: special.eot,
    chatTemplate: chatTemplate !== undefined,
  };
}

/** A photograph of an everyday size. */
const PICTURE = { width: 1024, height: 768 };

/** Tokens of a question. */
const QUESTION = 90;

/** A question about a photograph of an everyday size: positions and tiles. */
export function typicalPrompt({ multimodal }: ModelConfig): { promptTokens: number; tiles: number } {
  if (multimodal === undefined) return { promptTokens: QUESTION, tiles: 0 };
  const { tokens, views } = pictureLayout(PICTURE, visionGeometry(multimodal));
  return { promptTokens: QUESTION + tokens, tiles: views };
}

function readPicture({ multimodal }: ModelConfig, found: Findings): PictureSummary | undefined {
  if (multimodal === undefined) return undefined;
  const layout = found.attempt(() => pictureLayout(PICTURE, visionGeometry(multimodal)));
  return layout && { ...PICTURE, tiles: layout.views, tokens: layout.tokens };
}

function memoryOf(config: ModelConfig, found: Findings): Partial<Record<DType, MemoryNeed>> {
  const shapes = found.attempt(() => modelShapes(config));
  if (shapes === undefined) return {};
  return {
    float32: memoryNeed(config, shapes, "float32"),
    bfloat16: memoryNeed(config, shapes, "bfloat16"),
  };
}
