/** A run's optimizer state as any number of processes has left it, for any other number to go on with.
 *
 *      optimizer.safetensors                       all of it, by one process
 *      optimizer-00001-of-00004.safetensors        the pieces of rank 1 of 4 (sharding/division.ts), flat
 *
 *  Pieces are read where they overlap with what is wanted, from mapped files: nobody holds the whole of anything but a
 *  tensor at a time. */
import { existsSync, readdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { cat, noGrad, SafetensorsFile, scope, type Tensor } from "@rediff/torch";
import { UserError } from "../../errors.js";
import { idTensor } from "../../models/ids.js";
import type { Parameter } from "../backward/parameters.js";
import { type Piece, pieceOf } from "../sharding/division.js";
import type { Exchange } from "../sharding/exchange.js";
import { OPTIMIZER_FILE, withOptimizerState } from "./training-checkpoint.js";

const padded = (number: number): string => String(number).padStart(5, "0");

export const shardName = (rank: number, size: number): string =>
  `optimizer-${padded(rank)}-of-${padded(size)}.safetensors`;

/** Weights of a model whose weights are divided: beside the state while a checkpoint is written, for rank 0 to read. */
export const weightsName = (rank: number, size: number): string =>
  `weights-${padded(rank)}-of-${padded(size)}.safetensors`;

/** Once the model is written. */
export async function dropWeights(folder: string): Promise<void> {
  for (const name of readdirSync(folder))
    if (/^weights-\d{5}-of-\d{5}\.safetensors$/.test(name)) await rm(join(folder, name));
}

/** Kinds of dense state; `rows`, and moments of rows, and `step` are treated apart. */
const DENSE = ["exp_avg", "exp_avg_sq", "master", "ema"] as const;
type Dense = (typeof DENSE)[number] | "weight";

/** What a stretch of a tensor is found by. */
type Whole = Pick<Parameter, "name" | "weight" | "rowwise">;

export class StateShards implements Disposable {
  readonly #folder: string;
  /** In the order of their ranks. */
  readonly #files: readonly SafetensorsFile[];
  readonly #names: readonly ReadonlySet<string>[];
  /** Of weights that are divided, while a checkpoint is written. */
  readonly #weights: readonly SafetensorsFile[];

  /** @throws UserError when the files of some ranks are missing: then the folder is not one that all of them see */
  constructor(folder: string) {
    this.#folder = folder;
    const paths = shardPaths(folder);
    const weights = paths.map((_, rank) => join(folder, weightsName(rank, paths.length)));
    const files: SafetensorsFile[] = [];
    try {
      for (const path of paths) files.push(SafetensorsFile.open(path));
      for (const path of weights) if (existsSync(path)) files.push(SafetensorsFile.open(path));
    } catch (error) {
      for (const file of files) file[Symbol.dispose]();
      throw error;
    }
    this.#files = files.slice(0, paths.length);
    this.#weights = files.slice(paths.length);
    this.#names = this.#files.map((file) => new Set(file.names()));
  }

  [Symbol.dispose](): void {
    for (const file of [...this.#files, ...this.#weights]) file[Symbol.dispose]();
  }

  /** A whole tensor of one kind, flat or in the parameter's shape; undefined where there is none. In the open scope. */
  whole(kind: Dense, parameter: Whole): Tensor | undefined {
    const key = `${kind}/${parameter.name}`;
    if (!this.#filesOf(kind).some((file) => file.has(key))) return undefined;
    const { weight } = parameter;
    return noGrad(() =>
      scope(() => this.#stretch(kind, parameter, { start: 0, end: weight.numel }).view(weight.shape)),
    );
  }

  /** What a process needs that updates `own`: as the optimizer and the average import it. In the open scope. */
  entriesFor({
    parameters,
    own,
    pieceOf: place,
  }: Pick<Exchange, "parameters" | "own" | "pieceOf">): Map<string, Tensor> {
    const entries = new Map<string, Tensor>();
    const wholes = new Map(parameters.map((parameter) => [parameter.name, parameter]));
    for (const mine of own) {
      const whole = wholes.get(mine.name) as Parameter;
      const piece = place(mine.name) ?? { start: 0, end: whole.weight.numel };
      for (const [key, value] of this.#entriesOf(whole, mine, piece)) entries.set(key, value);
    }
    // State of what is not trained now is told by who imports it.
    for (const [i, names] of this.#names.entries())
      for (const name of names)
        if (!wholes.has(name.slice(name.indexOf("/") + 1)))
          entries.set(name, (this.#files[i] as SafetensorsFile).get(name));
    return entries;
  }

  #entriesOf(whole: Parameter, mine: Parameter, piece: Piece): Map<string, Tensor> {
    const { name } = whole;
    const found = new Map<string, Tensor>();
    const first = this.#names.findIndex((names) => names.has(`step/${name}`));
    const rowwise = whole.rowwise === true;
    for (const kind of DENSE) {
      if (rowwise && kind.startsWith("exp_avg")) continue;
      if (!this.#names.some((names) => names.has(`${kind}/${name}`))) continue;
      found.set(`${kind}/${name}`, this.#stretch(kind, whole, piece).view(mine.weight.shape));
    }
    if (first < 0) return found;
    found.set(`step/${name}`, (this.#files[first] as SafetensorsFile).get(`step/${name}`));
    if (rowwise) for (const [kind, value] of this.#rows(whole, piece)) found.set(`${kind}/${name}`, value);
    return found;
  }

  #filesOf(kind: Dense): readonly SafetensorsFile[] {
    return kind === "weight" ? this.#weights : this.#files;
  }

  /** Elements [start, end) of a tensor: [end - start] */
  #stretch(kind: Dense, { name, weight, rowwise }: Whole, { start, end }: Piece): Tensor {
    const parts = this.#filesOf(kind).flatMap((file, rank) => {
      const piece = pieceOf(weight.shape, rank, this.#files.length, rowwise === true);
      const [from, to] = [Math.max(start, piece.start), Math.min(end, piece.end)];
      if (from >= to) return [];
      if (!file.has(`${kind}/${name}`)) throw this.#lacks(`${kind}/${name}`, rank);
      return [
        file
          .get(`${kind}/${name}`)
          .view([-1])
          .narrow(0, from - piece.start, to - from),
      ];
    });
    return parts.length === 1 ? (parts[0] as Tensor) : cat(parts, 0);
  }

  /** Moments of the rows in a piece, counted from its first. */
  #rows({ name, weight }: Parameter, { start, end }: Piece): Map<string, Tensor> {
    const width = weight.size(1);
    const [first, last] = [start / width, end / width];
    const rows: number[] = [];
    const moments: Record<"exp_avg" | "exp_avg_sq", Tensor[]> = { exp_avg: [], exp_avg_sq: [] };
    for (const [rank, file] of this.#files.entries()) {
      if (this.#names[rank]?.has(`rows/${name}`) !== true) continue;
      const offset = pieceOf(weight.shape, rank, this.#files.length, true).start / width;
      const theirs = file.get(`rows/${name}`).toNumbers();
      const wanted = [...theirs.entries()].filter(([, row]) => row + offset >= first && row + offset < last);
      const places = idTensor(
        wanted.map(([place]) => place),
        "cpu",
      );
      rows.push(...wanted.map(([, row]) => row + offset - first));
      for (const kind of ["exp_avg", "exp_avg_sq"] as const)
        moments[kind].push(file.get(`${kind}/${name}`).indexSelect(0, places));
    }
    return new Map([
      ["rows", idTensor(rows, "cpu")],
      ["exp_avg", cat(moments.exp_avg, 0)],
      ["exp_avg_sq", cat(moments.exp_avg_sq, 0)],
    ]);
  }

  #lacks(entry: string, rank: number): UserError {
    return new UserError(
      `${this.#folder}: ${shardName(rank, this.#files.length)} lacks ${entry}`,
      "Its files belong to different checkpoints: resume from another one.",
    );
  }
}

function shardPaths(folder: string): string[] {
  if (existsSync(join(folder, OPTIMIZER_FILE))) return [join(folder, OPTIMIZER_FILE)];
  const found = readdirSync(folder).flatMap((name) => {
    const [, rank, size] = /^optimizer-(\d{5})-of-(\d{5})\.safetensors$/.exec(name) ?? [];
    return rank === undefined ? [] : [{ rank: Number(rank), size: Number(size) }];
  });
  const [any] = found;
  if (any === undefined)
    throw new UserError(`${folder} has no optimizer state`, "Give the folder of a checkpoint of a training run.");
  const missing = Array.from({ length: any.size }, (_, rank) => rank).filter(
    (rank) => !found.some((one) => one.rank === rank && one.size === any.size),
  );
  if (missing.length > 0)
    throw new UserError(
      `${folder} lacks ${shardName(missing[0] as number, any.size)}`,
      "All processes of a run write into one output folder: it has to be on a disk that every machine sees.",
    );
  return Array.from({ length: any.size }, (_, rank) => join(folder, shardName(rank, any.size)));
}

/** Calls `use` with the saved state of what this process updates. What is kept must be copied. */
export function withRunState<T>(
  checkpoint: string,
  exchange: Exchange,
  use: (entries: ReadonlyMap<string, Tensor>) => T,
): T {
  const isWhole = existsSync(join(checkpoint, OPTIMIZER_FILE));
  if (isWhole && exchange.own === exchange.parameters) return withOptimizerState(checkpoint, use);
  using shards = new StateShards(checkpoint);
  return noGrad(() => scope(() => use(shards.entriesFor(exchange))));
}
