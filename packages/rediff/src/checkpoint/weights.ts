/** From a model folder's files to the tensors of a model: every name and shape is checked before anything is read. */
import { basename } from "node:path";
import {
  type Checkpoint,
  type Device,
  type DType,
  detachFromScope,
  openCheckpoint as openSafetensors,
  SafetensorsError,
  scope,
  type Tensor,
} from "@rediff/torch";
import { UserError } from "../errors.js";
import { mistakenWeights } from "./mistaken-weights.js";
import { originalName, type Shapes } from "./tensor-names.js";

/** Tensors that other programs leave in such files and nobody needs. */
const IGNORED = [
  /\.rotary_emb\.inv_freq$/, // a buffer, computed from the config
  /\.embeddings\.position_ids$/, // likewise
  /^model\.vision_resampler\./, // an identity in these models
];

export interface TensorProblems {
  missing: string[];
  unexpected: string[];
  /** "name: [2, 3] in the file, [3, 2] expected" */
  misshapen: string[];
}

export interface WeightOptions {
  dtype: DType;
  device: Device;
}

/** A checkpoint whose names were checked: reads tensors in the wanted dtype on the wanted device. */
export class Weights implements Disposable {
  readonly #checkpoint: Checkpoint;
  readonly #options: WeightOptions;

  constructor(checkpoint: Checkpoint, options: WeightOptions) {
    this.#checkpoint = checkpoint;
    this.#options = options;
  }

  has(name: string): boolean {
    return this.#stored(name) !== undefined;
  }

  /** The tensor, mapped from the file where neither dtype nor device change; the caller owns it. */
  get(name: string): Tensor {
    const { dtype, device } = this.#options;
    return scope(() => {
      const isMapped = device === "cpu" && this.#checkpoint.info(this.#name(name)).dtype === dtype;
      return detachFromScope(isMapped ? this.stored(name) : this.read(name).to(this.#options));
    });
  }

  /** As it is in the file, mapped; the caller owns it. */
  stored(name: string): Tensor {
    return this.#checkpoint.get(this.#name(name));
  }

  /** As it is in the file, read: for what becomes something else. Mapped pages would stay the process's beside it. */
  read(name: string): Tensor {
    return this.#checkpoint.read(this.#name(name));
  }

  #name(name: string): string {
    const stored = this.#stored(name);
    if (stored === undefined) throw new Error(`the checkpoint has no tensor ${name}`);
    return stored;
  }

  #stored(name: string): string | undefined {
    return storedName(this.#checkpoint, name);
  }

  [Symbol.dispose](): void {
    this.#checkpoint[Symbol.dispose]();
  }
}

/** The name under which a checkpoint holds a tensor: ours, or LLaDA's original one. */
export function storedName(checkpoint: Checkpoint, name: string): string | undefined {
  if (checkpoint.has(name)) return name;
  const original = originalName(name);
  return original !== undefined && checkpoint.has(original) ? original : undefined;
}

const list = (shape: readonly number[]): string => `[${shape.join(", ")}]`;

/** Compares a checkpoint with what a model needs. */
export function compareTensors(checkpoint: Checkpoint, expected: Shapes): TensorProblems {
  const problems: TensorProblems = { missing: [], unexpected: [], misshapen: [] };
  const known = new Set<string>();
  for (const [name, shape] of expected) {
    const stored = storedName(checkpoint, name);
    if (stored === undefined) {
      problems.missing.push(name);
      continue;
    }
    known.add(stored);
    const found = checkpoint.info(stored).shape;
    if (list(found) !== list(shape))
      problems.misshapen.push(`${stored}: ${list(found)} in the file, ${list(shape)} expected`);
  }
  for (const name of checkpoint.names())
    if (!known.has(name) && !IGNORED.some((pattern) => pattern.test(name))) problems.unexpected.push(name);
  return problems;
}

function some(kind: string, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  const shown = names.slice(0, 12).join(", ");
  return [`${names.length} ${kind}: ${shown}${names.length > 12 ? ", ..." : ""}`];
}

/** @throws UserError that lists everything that is wrong, at once */
export function assertTensors(folder: string, problems: TensorProblems): void {
  const parts = [
    ...some("missing", problems.missing),
    ...some("unexpected", problems.unexpected),
    ...some("of the wrong shape", problems.misshapen),
  ];
  if (parts.length === 0) return;
  throw new UserError(
    `${folder}: the tensors do not fit config.json: ${parts.join("; ")}`,
    "Check that config.json and the weights belong together (`rediff inspect` shows both).",
  );
}

/** Says in one line which weights of the folder were left alone. */
export function tellUnread(checkpoint: Checkpoint, onWarning?: (line: string) => void): void {
  if (checkpoint.unread.length > 0) warn(unreadText(checkpoint), onWarning);
}

/** Nothing where there is no line. */
export function warn(line: string | undefined, onWarning: (line: string) => void = processWarning): void {
  if (line !== undefined) onWarning(line);
}

/** `not read: model.safetensors (model.safetensors.index.json names the files that are)` */
export function unreadText({ unread, index, files }: Pick<Checkpoint, "unread" | "index" | "files">): string {
  const read =
    index === undefined ? `${files.map((file) => basename(file)).join(", ")} is` : `${basename(index)} names what is`;
  const shown = unread.slice(0, 4).join(", ");
  return `not read: ${shown}${unread.length > 4 ? ` and ${unread.length - 4} more` : ""} (${read})`;
}

/** A program that uses the library hears it as any warning of Node's. */
function processWarning(line: string): void {
  process.emitWarning(line, "RediffWarning");
}

/** Opens weights, a folder's or a file's.
 *  @throws UserError for what is a Git LFS pointer or a web page; SafetensorsError for other damage */
export function openCheckpoint(folderOrFile: string): Checkpoint {
  try {
    return openSafetensors(folderOrFile);
  } catch (error) {
    throw error instanceof SafetensorsError ? (mistakenWeights(folderOrFile) ?? error) : error;
  }
}

export type { Checkpoint };
