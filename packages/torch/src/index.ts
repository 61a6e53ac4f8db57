// The types are made of Node's, and of no newer ones than those of ES2022: they check in projects that name neither.
/// <reference types="node" preserve="true" />
/// <reference lib="es2022" preserve="true" />

/** libtorch for TypeScript. */
import "./methods.js";

export * from "./autograd.js";
export { call, schemaOf, schemas } from "./call.js";
export * from "./create.js";
export * from "./device.js";
export { type CustomFunction, customFunction } from "./differentiation/custom-function.js";
export { type GradientsOf, type Parameters, valueAndGrad } from "./differentiation/value-and-grad.js";
export * as distributed from "./distributed/index.js";
export { type ArrayOf, type DataOf, DTYPES, type DType, elementSize, type TypedArray } from "./dtype.js";
export * from "./fused/elementwise.js";
export * from "./fused/online-softmax.js";
export * from "./generated/ops.generated.js";
export { captureGraph, Graph, hasGraphs } from "./graph.js";
export type { Handle } from "./handle.js";
export type { NestedNumbers } from "./indexing/familiar.js";
export type { Index } from "./indexing/indexing.js";
export * from "./linear.js";
export * from "./memory/keep-memory.js";
export { pinsUploads, upload } from "./memory/upload.js";
export { libDir, torchVersion } from "./native.js";
export * as nn from "./nn/index.js";
export type { MemoryFormat } from "./operator.js";
export * as optim from "./optim/index.js";
export {
  type Float8Result,
  type Float8Scaling,
  Float8Weight,
  float8Linear,
  float8Linears,
  float8Shapes,
  requireFloat8,
  roundToFloat8,
  toFloat8,
  widenFloat8,
} from "./quantized/float8.js";
export * from "./quantized/quantized.js";
export * from "./random.js";
export * from "./safetensors/index.js";
export { detachFromScope, exchangeTensors, type MemoryUse, memory, Scope, scope, take, tensorsIn } from "./scope.js";
export { receive, send, Tensor } from "./tensor.js";
