/** A tensor, but for its operators, which are built on it: methods.ts makes them its methods as well. */
import { addedName, type Device } from "./device.js";
import { type DataOf, type DType, dtypeCode, dtypeFromCode, elementSize, viewOf } from "./dtype.js";
import { adopt, Handle } from "./handle.js";
import { native, type Slot } from "./native.js";
import { operatorId } from "./operator.js";

const DEVICE_TYPES = new Map<number, string>([
  [0, "cpu"],
  [1, "cuda"],
  [13, "mps"],
  [14, "meta"],
]);
const PRIVATE_USE = 20;

export class Tensor extends Handle {
  /** Sizes of the dimensions. */
  get shape(): number[] {
    return native.describe(this.slot).slice(3);
  }

  get dtype(): DType {
    return dtypeFromCode(native.describe(this.slot)[0] ?? -1);
  }

  get device(): Device {
    const [, type = 0, index = -1] = native.describe(this.slot);
    const name = (type === PRIVATE_USE ? addedName() : DEVICE_TYPES.get(type)) ?? `device type ${type}`;
    return (type === 0 || index < 0 || type === 13 ? name : `${name}:${index}`) as Device;
  }

  /** Number of elements. */
  get numel(): number {
    return this.shape.reduce((product, size) => product * size, 1);
  }

  /** Number of dimensions. */
  get ndim(): number {
    return this.shape.length;
  }

  /** Size of one dimension; negative ones count from the end. */
  size(dim: number): number {
    const shape = this.shape;
    const size = shape[dim < 0 ? shape.length + dim : dim];
    if (size === undefined) throw new Error(`dimension ${dim} of a tensor of shape [${shape.join(", ")}]`);
    return size;
  }

  /** The only element of a tensor of one. Waits for the device.
   *  @throws for an integer beyond 2^53, which a number cannot hold: `data("int64")` gives it as a bigint */
  item(): number {
    const value = native.item(this.slot);
    if (typeof value === "bigint") throw new Error(`item(): ${value} is beyond 2^53; use data("${this.dtype}")`);
    return Number(value);
  }

  /** A copy of the elements in row-major order, from whatever device. float16 and bfloat16 come as their 16 bits.
   *
   *  The dtype is asserted: `t.data("int64")` is a BigInt64Array or an error, never a conversion. */
  data<D extends DType>(dtype: D): DataOf<D> {
    if (this.dtype !== dtype)
      throw new Error(`data("${dtype}") of a ${this.dtype} tensor; convert it with .to({ dtype })`);
    const buffer = new ArrayBuffer(this.numel * elementSize(dtype));
    native.copyInto(this.slot, buffer, 0);
    return viewOf(dtype, buffer);
  }

  /** The same without waiting: another thread waits for the device and copies. The tensor may be freed meanwhile, and must
   *  not be written to: what comes is what it holds in the end. */
  async dataAsync<D extends DType>(dtype: D): Promise<DataOf<D>> {
    if (this.dtype !== dtype)
      throw new Error(`dataAsync("${dtype}") of a ${this.dtype} tensor; convert it with .to({ dtype })`);
    const buffer = new ArrayBuffer(this.numel * elementSize(dtype));
    await native.fetchInto(this.slot, buffer);
    return viewOf(dtype, buffer);
  }

  /** All elements as numbers, in row-major order. Integers beyond 2^53 are rounded. */
  toNumbers(): number[] {
    const dtype = this.dtype;
    if (dtype === "float32" || dtype === "float64") return Array.from(this.data(dtype));
    const wide = converted(this, dtype === "float16" || dtype === "bfloat16" ? "float32" : "float64");
    try {
      return wide.toNumbers();
    } finally {
      wide.dispose();
    }
  }

  /** A second handle to the same tensor, with a lifetime of its own. */
  alias(): Tensor {
    return adopt(new Tensor(native.alias(this.slot)));
  }

  /** Whether operators on this tensor are recorded for differentiation. */
  get requiresGrad(): boolean {
    return native.requiresGrad(this.slot);
  }

  /** Turns recording on or off for a leaf; returns this very tensor. */
  setRequiresGrad(on = true): this {
    native.setRequiresGrad(this.slot, on);
    return this;
  }

  /** Made by the user rather than by a recorded operator. */
  get isLeaf(): boolean {
    return native.isLeaf(this.slot);
  }

  /** A new handle to the accumulated gradient, or undefined. */
  get grad(): Tensor | undefined {
    const slot = native.gradOf(this.slot);
    return slot < 0 ? undefined : adopt(new Tensor(slot));
  }

  setGrad(gradient: Tensor | undefined): void {
    native.setGrad(this.slot, gradient?.slot);
  }

  /** The values of up to 1000 elements as libtorch prints them; of larger tensors dtype, shape and device. */
  override toString(): string {
    if (this.slot < 0) return "Tensor (freed)";
    return this.numel <= 1000 ? native.toText(this.slot) : summary(this);
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    if (this.slot < 0) return "Tensor (freed)";
    return this.numel <= 100 ? `${summary(this)}\n${this.toString()}` : summary(this);
  }
}

// Functions, because a class with private methods marks every object that it makes.
function converted(tensor: Tensor, dtype: DType): Tensor {
  return wrap(native.call(operatorId("aten::_to_copy"), tensor.slot, dtypeCode(dtype)));
}

function summary(tensor: Tensor): string {
  return `Tensor ${tensor.dtype} [${tensor.shape.join(", ")}] on ${tensor.device}`;
}

/** @internal a tensor for a slot that was just made */
export function wrap(slot: unknown): Tensor {
  return adopt(new Tensor(slot as Slot));
}

/** A token, a number to post to another thread, whose `receive` then shares the memory. Every token must be received,
 *  once: until then it keeps the memory. What shares a JavaScript array (`fromBuffer`) is copied. The gradient graph
 *  stays here. */
export function send(tensor: Tensor): number {
  return native.send(tensor.slot);
}

export function receive(token: number): Tensor {
  return wrap(native.receive(token));
}
