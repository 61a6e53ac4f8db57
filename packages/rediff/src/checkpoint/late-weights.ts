/** Weights that are read when they are asked for, and not when the model is loaded: a process that keeps a piece of each need
 *  not have room for all of them.
 *
 *  Until it is read, a tensor stands for a single NaN stretched to its shape: whoever asks the shape is answered, and whoever
 *  computes with it gets nothing that could pass for a result. */
import {
  type Device,
  type DType,
  detachFromScope,
  exchangeTensors,
  full,
  noGrad,
  scope,
  type Tensor,
} from "@rediff/torch";

export class LateWeights implements Disposable {
  /** Those that are not read yet. */
  readonly #readers = new Map<Tensor, () => Tensor>();
  #files: Disposable | undefined;

  /** A tensor in whose place `read` will put its elements; both are the caller's. */
  standIn(shape: readonly number[], { dtype, device }: { dtype: DType; device: Device }, read: () => Tensor): Tensor {
    const tensor = detachFromScope(noGrad(() => scope(() => standIn(shape, dtype, device))));
    this.#readers.set(tensor, read);
    return tensor;
  }

  /** What reading needs, and nobody after it. */
  keepOpen(files: Disposable): void {
    this.#files = files;
  }

  /** Reads those of the tensors that have not been read. */
  fill(tensors: Iterable<Tensor>): void {
    for (const tensor of tensors) {
      const read = this.#readers.get(tensor);
      if (read === undefined) continue;
      this.#readers.delete(tensor);
      noGrad(() => {
        using values = read();
        exchangeTensors(tensor, values);
      });
    }
  }

  /** What was not read stays as it is. */
  [Symbol.dispose](): void {
    this.#readers.clear();
    this.#files?.[Symbol.dispose]();
    this.#files = undefined;
  }
}

/** In the open scope. */
export function standIn(shape: readonly number[], dtype: DType, device: Device): Tensor {
  return full([1], Number.NaN, { dtype, device }).expand(shape);
}
