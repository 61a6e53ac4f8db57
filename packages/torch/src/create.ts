/** Tensors from nothing and from JavaScript's memory. */

import { operatorId } from "./call.js";
import { requireDevice } from "./device.js";
import { type DType, dtypeCode, dtypeOfArray, type TypedArray } from "./dtype.js";
import { native } from "./native.js";
import { type Device, type Tensor, wrap } from "./tensor.js";

export interface TensorOptions {
  /** Default float32. */
  dtype?: DType;
  /** Default cpu. */
  device?: Device;
}

const ids = new Map<string, number>();
function make(name: string, args: unknown[], { dtype = "float32", device = "cpu" }: TensorOptions): Tensor {
  requireDevice(device);
  let id = ids.get(name);
  if (id === undefined) {
    id = operatorId(name);
    ids.set(name, id);
  }
  return wrap(native.call(id, ...args, dtypeCode(dtype), undefined, device));
}

export const zeros = (shape: readonly number[], options: TensorOptions = {}): Tensor =>
  make("aten::zeros", [shape], options);

export const ones = (shape: readonly number[], options: TensorOptions = {}): Tensor =>
  make("aten::ones", [shape], options);

/** Uninitialised memory. */
export const empty = (shape: readonly number[], options: TensorOptions = {}): Tensor =>
  make("aten::empty.memory_format", [shape], options);

export const full = (shape: readonly number[], value: number | boolean, options: TensorOptions = {}): Tensor =>
  make("aten::full", [shape, value], options);

/** start, start + step, ... below end. Default dtype int64. */
export const arange = (start: number, end: number, step = 1, options: TensorOptions = {}): Tensor =>
  make("aten::arange.start_step", [start, end, step], { dtype: "int64", ...options });

export const eye = (n: number, options: TensorOptions = {}): Tensor => make("aten::eye", [n], options);

type Nested = number | boolean | readonly Nested[];

function shapeOf(value: Nested): number[] {
  if (typeof value === "number" || typeof value === "boolean") return [];
  return [value.length, ...(value[0] === undefined ? [] : shapeOf(value[0]))];
}

/** A tensor from nested arrays: `tensor([[1, 2], [3, 4]])`. Booleans make bool, everything else float32 unless told. */
export function tensor(values: Nested, options: TensorOptions = {}): Tensor {
  const shape = shapeOf(values);
  const flat = (Array.isArray(values) ? values.flat(Number.POSITIVE_INFINITY) : [values]) as (number | boolean)[];
  const count = shape.reduce((product, size) => product * size, 1);
  if (flat.length !== count) throw new Error(`tensor(): rows have different lengths, expected [${shape.join(", ")}]`);
  const dtype = options.dtype ?? (typeof flat[0] === "boolean" ? "bool" : "float32");
  const wide = fromBuffer(new Float64Array(flat.map(Number)), shape);
  const converted = wide.to({ dtype, ...(options.device === undefined ? {} : { device: options.device }) });
  if (dtype === "float64" && (options.device ?? "cpu") === "cpu") {
    const copy = converted.clone();
    converted.dispose();
    wide.dispose();
    return copy;
  }
  wide.dispose();
  return converted;
}

/** A CPU tensor that shares a typed array's memory: writes show on both sides, and the array lives as long as any
 *  tensor over it. The dtype is the array's unless given (bool over a Uint8Array, bfloat16 over a Uint16Array).
 *  @throws when shape and length differ */
export function fromBuffer(array: TypedArray, shape: readonly number[], dtype: DType = dtypeOfArray(array)): Tensor {
  const count = shape.reduce((product, size) => product * size, 1);
  if (count !== array.length)
    throw new Error(`fromBuffer(): shape [${shape.join(", ")}] has ${count} elements, the array ${array.length}`);
  if (array.buffer instanceof SharedArrayBuffer)
    throw new Error("fromBuffer(): a SharedArrayBuffer cannot be borrowed; copy it first");
  return wrap(native.fromBuffer(array.buffer, array.byteOffset, shape, dtypeCode(dtype)));
}
