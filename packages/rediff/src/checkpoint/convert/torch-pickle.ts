/** Reads what `torch.save` wrote of a dictionary of tensors, such as the original's mm_projector.bin.
 *
 *  A pickle is a program that may call anything; this reader knows the few calls that rebuild a tensor and refuses all
 *  others, so a file from strangers can do no harm. Protocols 2 to 5, torch 1.6 and later. */
import { type DType, elementSize, fromBuffer, scope, type Tensor } from "@rediff/torch";
import { UserError } from "../../errors.js";
import { assertRegularSync } from "../../files/regular-file.js";
import { mistakenWeights } from "../mistaken-weights.js";
import { isKind, type StorageRef, unpickle, type Value } from "./pickle-machine.js";
import { isZip, readStoredZip } from "./stored-zip.js";

/** Tensors of a file that torch.save wrote from a dictionary; the caller owns them.
 *  @throws UserError when it is something else, or damaged */
export function readTorchFile(path: string): Map<string, Tensor> {
  assertRegularSync(path, "a file of torch.save");
  if (!isZip(path))
    throw (
      mistakenWeights(path) ??
      new UserError(
        `${path} is no file of torch.save (torch 1.6 or later) and no safetensors file`,
        "Convert it in Python: safetensors.torch.save_file(torch.load(FILE), 'mm_projector.safetensors').",
      )
    );
  const members = readStoredZip(path);
  const program = [...members.keys()].find((name) => name.endsWith("/data.pkl"));
  if (program === undefined) throw new UserError(`${path} has no data.pkl: torch.save did not write it`);
  const root = program.slice(0, -"data.pkl".length);
  const order = members.get(`${root}byteorder`)?.toString();
  if (order !== undefined && order !== "little")
    throw new UserError(`${path} was written on a ${shown(order.slice(0, 20))}-endian machine`);
  try {
    const value = unpickle(members.get(program) as Buffer);
    if (!(value instanceof Map)) throw new Error("it holds no dictionary of tensors");
    const storages = new Storages(members, root);
    return scope(() => new Map([...value].map(([name, ref]) => namedTensor(name, ref, storages))));
  } catch (error) {
    if (error instanceof UserError || !(error instanceof Error)) throw error;
    const reason = error instanceof RangeError ? "its pickle is cut off" : error.message;
    throw new UserError(`${path}: ${reason}`, "Expected a dictionary of tensors, such as mm_projector.bin.");
  }
}

/** Tensors that share their memory take up more than the file once they stand for themselves: tied weights twice, views
 *  that repeat a row as often as they say. */
const MOST_TIMES = 4;

/** The data of a file's tensors, each copied once: aligned, and without the file's other members. */
class Storages {
  readonly #members: Map<string, Buffer>;
  readonly #root: string;
  readonly #copies = new Map<string, Tensor>();
  readonly #allowed: number;
  #bytes = 0;

  constructor(members: Map<string, Buffer>, root: string) {
    this.#members = members;
    this.#root = root;
    let stored = 0;
    for (const member of members.values()) stored += member.length;
    this.#allowed = MOST_TIMES * stored;
  }

  /** All of a storage as one row; undefined where it is not there or of another size than the pickle says. */
  get({ key, dtype, elements }: StorageRef): Tensor {
    const bytes = this.#members.get(`${this.#root}data/${key}`);
    if (bytes === undefined) throw new Error("missing");
    const size = elementSize(dtype);
    if (bytes.length !== elements * size) throw new Error("of the wrong size");
    const id = `${dtype} ${key}`;
    const known = this.#copies.get(id);
    if (known !== undefined) return known;
    const own = new Uint8Array(bytes);
    const made = fromBuffer(own, [own.length]).viewDtype(dtype);
    this.#copies.set(id, made);
    return made;
  }

  /** @throws Error when all tensors so far are much more than the file holds */
  take(name: string, shape: readonly number[], dtype: DType): void {
    const bytes = shape.reduce((product, length) => product * length, elementSize(dtype));
    this.#bytes += bytes;
    if (this.#bytes > this.#allowed)
      throw new Error(
        `"${shown(name)}" of shape [${shape.join(", ")}] takes ${bytes} bytes, and with it the tensors are more than ${MOST_TIMES} times the file's data`,
      );
  }
}

/** In one plain line, and not longer than can be read. */
const shown = (name: string): string =>
  JSON.stringify(name.length > 100 ? `${name.slice(0, 97)}...` : name).slice(1, -1);

function namedTensor(name: Value, ref: Value, storages: Storages): [string, Tensor] {
  if (typeof name !== "string") throw new Error("a key of the dictionary is no text");
  if (!isKind(ref, "tensor")) throw new Error(`"${shown(name)}" is no tensor`);
  const { storage, shape, stride, offset } = ref;
  const last = shape.reduce((sum, length, i) => sum + (length - 1) * (stride[i] ?? 0), offset);
  if (shape.length !== stride.length || last >= storage.elements || shape.some((length) => length < 1))
    throw new Error(`"${shown(name)}" reaches beyond its data`);
  storages.take(name, shape, storage.dtype);
  return [name, storedData(name, storage, storages).asStrided(shape, stride, offset).contiguous()];
}

function storedData(name: string, storage: StorageRef, storages: Storages): Tensor {
  try {
    return storages.get(storage);
  } catch (error) {
    throw new Error(`the data of "${shown(name)}" is ${(error as Error).message}`);
  }
}
