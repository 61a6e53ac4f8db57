/** Methods under the names by which users of PyTorch look for them first. */
import { type BackwardOptions, backward } from "../autograd.js";
import type { Device } from "../device.js";
import type { DType } from "../dtype.js";
import { to, transpose } from "../generated/ops.generated.js";
import type { Tensor } from "../tensor.js";
import { at, type Index, setAt_ } from "./indexing.js";

/** Numbers, nested as deep as the tensor has dimensions. */
export type NestedNumbers = number | NestedNumbers[];

export abstract class FamiliarMethods {
  /** A part: `x.at(0)`, `x.at("1:", null)`, `x.at(mask)`. See `Index`. */
  at(this: Tensor, ...indices: Index[]): Tensor {
    return at(this, ...indices);
  }

  /** Writes into a part: `x.setAt_([0, "1:"], 5)`. */
  setAt_(this: Tensor, indices: readonly Index[], value: Tensor | number): Tensor {
    return setAt_(this, indices, value);
  }

  /** Adds the gradients of this number to `.grad` of all leaves. */
  backward(this: Tensor, options: Omit<BackwardOptions, "gradOutputs"> & { gradient?: Tensor } = {}): void {
    const { gradient, ...rest } = options;
    backward(this, { ...rest, ...(gradient && { gradOutputs: [gradient] }) });
  }

  /** The elements as nested arrays, like Python's tolist(); a number for a tensor without dimensions. */
  toArray(this: Tensor): NestedNumbers {
    const numbers = this.toNumbers();
    let next = 0;
    const nested = ([size, ...rest]: readonly number[]): NestedNumbers =>
      size === undefined ? (numbers[next++] as number) : Array.from({ length: size }, () => nested(rest));
    return nested(this.shape);
  }

  /** Rows as columns. @throws for more than two dimensions, where permute() says which go where */
  get T(): Tensor {
    // A getter has no `this` parameter.
    const tensor = this as unknown as Tensor;
    if (tensor.ndim > 2) throw new Error(`T of ${tensor.ndim} dimensions; use transpose() or permute()`);
    return tensor.ndim < 2 ? tensor.alias() : transpose(tensor, 0, 1);
  }

  cpu(this: Tensor): Tensor {
    return to(this, { device: "cpu" });
  }

  cuda(this: Tensor, index = 0): Tensor {
    return to(this, { device: `cuda:${index}` as Device });
  }

  float(this: Tensor): Tensor {
    return as(this, "float32");
  }

  double(this: Tensor): Tensor {
    return as(this, "float64");
  }

  half(this: Tensor): Tensor {
    return as(this, "float16");
  }

  bfloat16(this: Tensor): Tensor {
    return as(this, "bfloat16");
  }

  int(this: Tensor): Tensor {
    return as(this, "int32");
  }

  long(this: Tensor): Tensor {
    return as(this, "int64");
  }

  bool(this: Tensor): Tensor {
    return as(this, "bool");
  }
}

const as = (tensor: Tensor, dtype: DType): Tensor => to(tensor, { dtype });
