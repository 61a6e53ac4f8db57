/** Tensors from nothing and from JavaScript's memory. */

import { markAsUntransferable } from "node:worker_threads";
import { type Device, usableDevice } from "./device.js";
import { type DType, dtypeCode, dtypeOfArray, elementSize, type TypedArray } from "./dtype.js";
import { clone, to } from "./generated/ops.generated.js";
import { native } from "./native.js";
import { operatorId } from "./operator.js";
import { type Tensor, wrap } from "./tensor.js";

export interface TensorOptions {
  /** Default float32. */
  dtype?: DType;
  /** Default cpu. */
  device?: Device;
}

function make(name: string, args: unknown[], { dtype = "float32", device = "cpu" }: TensorOptions): Tensor {
  usableDevice(device);
  return wrap(native.call(operatorId(name), ...args, dtypeCode(dtype), undefined, device));
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

/** start, start + step, ... below end. Default dtype int64, or float32 when a number is not whole. */
export const arange = (start: number, end: number, step = 1, options: TensorOptions = {}): Tensor =>
  make("aten::arange.start_step", [start, end, step], {
    dtype: [start, end, step].every(Number.isInteger) ? "int64" : "float32",
    ...options,
  });

export const eye = (n: number, options: TensorOptions = {}): Tensor => make("aten::eye", [n], options);

/** As libtorch has them at most. */
const MOST_DIMENSIONS = 64;

/** Numbers or booleans, nested as deep as the tensor is to have dimensions. */
export type TensorValues = number | boolean | readonly TensorValues[];

function shapeOf(value: TensorValues): number[] {
  const shape: number[] = [];
  for (let first: TensorValues | undefined = value; typeof first === "object"; first = first[0]) {
    shape.push(first.length);
    if (shape.length > MOST_DIMENSIONS)
      throw new Error(`tensor(): arrays are nested more than ${MOST_DIMENSIONS} deep`);
  }
  return shape;
}

/** Appends the numbers of `value`, which must be an array of `shape` from its dimension `dim` on. */
function appendNumbers(flat: number[], value: TensorValues, shape: readonly number[], dim: number): void {
  if (dim === shape.length && typeof value !== "object") flat.push(Number(value));
  else if (typeof value === "object" && value.length === shape[dim])
    for (const element of value) appendNumbers(flat, element, shape, dim + 1);
  else throw new Error(`tensor(): the nested arrays have different lengths or depths; expected [${shape.join(", ")}]`);
}

/** A tensor from nested arrays: `tensor([[1, 2], [3, 4]])`. Booleans make bool, everything else float32 unless told. */
export function tensor(values: TensorValues, options: TensorOptions = {}): Tensor {
  const shape = shapeOf(values);
  const flat: number[] = [];
  appendNumbers(flat, values, shape, 0);
  let first: TensorValues | undefined = values;
  while (typeof first === "object") first = first[0];
  const dtype = options.dtype ?? (typeof first === "boolean" ? "bool" : "float32");
  const wide = fromBuffer(new Float64Array(flat), shape);
  try {
    const device = options.device ?? "cpu";
    return dtype === "float64" && device === "cpu" ? clone(wide) : to(wide, { dtype, device });
  } finally {
    wide.dispose();
  }
}

/** A CPU tensor that shares a typed array's memory: writes show on both sides, and the array lives as long as any
 *  tensor over it. The dtype is the array's unless given (bool over a Uint8Array, bfloat16 over a Uint16Array).
 *
 *  The memory must stay where it is: `postMessage` copies such a buffer instead of transferring it, but
 *  `ArrayBuffer.prototype.transfer` (Node 22) and a growing WebAssembly memory would pull it away under the tensor.
 *  @throws when shape and length differ */
export function fromBuffer(array: TypedArray, shape: readonly number[], dtype: DType = dtypeOfArray(array)): Tensor {
  const count = shape.reduce((product, size) => product * size, 1);
  if (count !== array.length)
    throw new Error(`fromBuffer(): shape [${shape.join(", ")}] has ${count} elements, the array ${array.length}`);
  if (array.buffer instanceof SharedArrayBuffer)
    throw new Error("fromBuffer(): a SharedArrayBuffer cannot be borrowed; copy it first");
  if (elementSize(dtype) !== array.BYTES_PER_ELEMENT)
    throw new Error(`fromBuffer(): ${dtype} does not have the element size of a ${array.constructor.name}`);
  if ((array.buffer as { resizable?: boolean }).resizable === true)
    throw new Error("fromBuffer(): a resizable ArrayBuffer cannot be borrowed; copy it first");
  markAsUntransferable(array.buffer);
  return wrap(native.fromBuffer(array.buffer, array.byteOffset, shape, dtypeCode(dtype)));
}
