// Written by scripts/generate-ops.mjs from libtorch's schemas (torch 2.15.0); do not edit.

import type { Device } from "../device.js";
import type { DType } from "../dtype.js";
import type { MemoryFormat } from "../operator.js";
import type { Generator } from "../random.js";
import type { Tensor } from "../tensor.js";
import type { Scalar } from "./ops.generated.js";
import * as ops from "./ops.generated.js";

/** Operators whose first argument is the tensor itself, as methods. */
export abstract class TensorMethods {
  /** `aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor` */
  add(this: Tensor, other: Tensor | Scalar, options: { alpha?: Scalar | undefined } = {}): Tensor {
    return ops.add(this, other, options);
  }

  /** `aten::sub.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor` */
  sub(this: Tensor, other: Tensor | Scalar, options: { alpha?: Scalar | undefined } = {}): Tensor {
    return ops.sub(this, other, options);
  }

  /** `aten::mul.Tensor(Tensor self, Tensor other) -> Tensor` */
  mul(this: Tensor, other: Tensor | Scalar): Tensor {
    return ops.mul(this, other);
  }

  /** `aten::div.Tensor(Tensor self, Tensor other) -> Tensor` */
  div(this: Tensor, other: Tensor | Scalar): Tensor {
    return ops.div(this, other);
  }

  /** `aten::pow.Tensor_Tensor(Tensor self, Tensor exponent) -> Tensor` */
  pow(this: Tensor, exponent: Tensor | Scalar): Tensor {
    return ops.pow(this, exponent);
  }

  /** `aten::remainder.Tensor(Tensor self, Tensor other) -> Tensor` */
  remainder(this: Tensor, other: Tensor | Scalar): Tensor {
    return ops.remainder(this, other);
  }

  /** `aten::floor_divide(Tensor self, Tensor other) -> Tensor` */
  floorDivide(this: Tensor, other: Tensor | Scalar): Tensor {
    return ops.floorDivide(this, other);
  }

  /** `aten::maximum(Tensor self, Tensor other) -> Tensor` */
  maximum(this: Tensor, other: Tensor): Tensor {
    return ops.maximum(this, other);
  }

  /** `aten::minimum(Tensor self, Tensor other) -> Tensor` */
  minimum(this: Tensor, other: Tensor): Tensor {
    return ops.minimum(this, other);
  }

  /** `aten::neg(Tensor self) -> Tensor` */
  neg(this: Tensor): Tensor {
    return ops.neg(this);
  }

  /** `aten::abs(Tensor self) -> Tensor` */
  abs(this: Tensor): Tensor {
    return ops.abs(this);
  }

  /** `aten::exp(Tensor self) -> Tensor` */
  exp(this: Tensor): Tensor {
    return ops.exp(this);
  }

  /** `aten::log(Tensor self) -> Tensor` */
  log(this: Tensor): Tensor {
    return ops.log(this);
  }

  /** `aten::log1p(Tensor self) -> Tensor` */
  log1p(this: Tensor): Tensor {
    return ops.log1p(this);
  }

  /** `aten::expm1(Tensor self) -> Tensor` */
  expm1(this: Tensor): Tensor {
    return ops.expm1(this);
  }

  /** `aten::sqrt(Tensor self) -> Tensor` */
  sqrt(this: Tensor): Tensor {
    return ops.sqrt(this);
  }

  /** `aten::rsqrt(Tensor self) -> Tensor` */
  rsqrt(this: Tensor): Tensor {
    return ops.rsqrt(this);
  }

  /** `aten::reciprocal(Tensor self) -> Tensor` */
  reciprocal(this: Tensor): Tensor {
    return ops.reciprocal(this);
  }

  /** `aten::sin(Tensor self) -> Tensor` */
  sin(this: Tensor): Tensor {
    return ops.sin(this);
  }

  /** `aten::cos(Tensor self) -> Tensor` */
  cos(this: Tensor): Tensor {
    return ops.cos(this);
  }

  /** `aten::tanh(Tensor self) -> Tensor` */
  tanh(this: Tensor): Tensor {
    return ops.tanh(this);
  }

  /** `aten::sigmoid(Tensor self) -> Tensor` */
  sigmoid(this: Tensor): Tensor {
    return ops.sigmoid(this);
  }

  /** `aten::silu(Tensor self) -> Tensor` */
  silu(this: Tensor): Tensor {
    return ops.silu(this);
  }

  /** `aten::gelu(Tensor self, *, str approximate="none") -> Tensor` */
  gelu(this: Tensor, options: { approximate?: string | undefined } = {}): Tensor {
    return ops.gelu(this, options);
  }

  /** `aten::relu(Tensor self) -> Tensor` */
  relu(this: Tensor): Tensor {
    return ops.relu(this);
  }

  /** `aten::softplus(Tensor self, Scalar beta=1, Scalar threshold=20) -> Tensor` */
  softplus(this: Tensor, beta?: Scalar | undefined, threshold?: Scalar | undefined): Tensor {
    return ops.softplus(this, beta, threshold);
  }

  /** `aten::erf(Tensor self) -> Tensor` */
  erf(this: Tensor): Tensor {
    return ops.erf(this);
  }

  /** `aten::floor(Tensor self) -> Tensor` */
  floor(this: Tensor): Tensor {
    return ops.floor(this);
  }

  /** `aten::ceil(Tensor self) -> Tensor` */
  ceil(this: Tensor): Tensor {
    return ops.ceil(this);
  }

  /** `aten::round(Tensor self) -> Tensor` */
  round(this: Tensor): Tensor {
    return ops.round(this);
  }

  /** `aten::sign(Tensor self) -> Tensor` */
  sign(this: Tensor): Tensor {
    return ops.sign(this);
  }

  /** `aten::square(Tensor self) -> Tensor` */
  square(this: Tensor): Tensor {
    return ops.square(this);
  }

  /** `aten::clamp(Tensor self, Scalar? min=None, Scalar? max=None) -> Tensor` */
  clamp(this: Tensor, min?: number | undefined, max?: number | undefined): Tensor {
    return ops.clamp(this, min, max);
  }

  /** `aten::isfinite(Tensor self) -> Tensor` */
  isfinite(this: Tensor): Tensor {
    return ops.isfinite(this);
  }

  /** `aten::isnan(Tensor self) -> Tensor` */
  isnan(this: Tensor): Tensor {
    return ops.isnan(this);
  }

  /** `aten::isinf(Tensor self) -> Tensor` */
  isinf(this: Tensor): Tensor {
    return ops.isinf(this);
  }

  /** `aten::logical_and(Tensor self, Tensor other) -> Tensor` */
  logicalAnd(this: Tensor, other: Tensor): Tensor {
    return ops.logicalAnd(this, other);
  }

  /** `aten::logical_or(Tensor self, Tensor other) -> Tensor` */
  logicalOr(this: Tensor, other: Tensor): Tensor {
    return ops.logicalOr(this, other);
  }

  /** `aten::logical_not(Tensor self) -> Tensor` */
  logicalNot(this: Tensor): Tensor {
    return ops.logicalNot(this);
  }

  /** `aten::logical_xor(Tensor self, Tensor other) -> Tensor` */
  logicalXor(this: Tensor, other: Tensor): Tensor {
    return ops.logicalXor(this, other);
  }

  /** `aten::bitwise_and.Tensor(Tensor self, Tensor other) -> Tensor` */
  bitwiseAnd(this: Tensor, other: Tensor | Scalar): Tensor {
    return ops.bitwiseAnd(this, other);
  }

  /** `aten::bitwise_or.Tensor(Tensor self, Tensor other) -> Tensor` */
  bitwiseOr(this: Tensor, other: Tensor | Scalar): Tensor {
    return ops.bitwiseOr(this, other);
  }

  /** `aten::eq.Tensor(Tensor self, Tensor other) -> Tensor` */
  eq(this: Tensor, other: Tensor | Scalar): Tensor {
    return ops.eq(this, other);
  }

  /** `aten::ne.Tensor(Tensor self, Tensor other) -> Tensor` */
  ne(this: Tensor, other: Tensor | Scalar): Tensor {
    return ops.ne(this, other);
  }

  /** `aten::lt.Tensor(Tensor self, Tensor other) -> Tensor` */
  lt(this: Tensor, other: Tensor | Scalar): Tensor {
    return ops.lt(this, other);
  }

  /** `aten::le.Tensor(Tensor self, Tensor other) -> Tensor` */
  le(this: Tensor, other: Tensor | Scalar): Tensor {
    return ops.le(this, other);
  }

  /** `aten::gt.Tensor(Tensor self, Tensor other) -> Tensor` */
  gt(this: Tensor, other: Tensor | Scalar): Tensor {
    return ops.gt(this, other);
  }

  /** `aten::ge.Tensor(Tensor self, Tensor other) -> Tensor` */
  ge(this: Tensor, other: Tensor | Scalar): Tensor {
    return ops.ge(this, other);
  }

  /** `aten::masked_fill.Tensor(Tensor self, Tensor mask, Tensor value) -> Tensor` */
  maskedFill(this: Tensor, mask: Tensor, value: Tensor | Scalar): Tensor {
    return ops.maskedFill(this, mask, value);
  }

  /** `aten::lerp.Tensor(Tensor self, Tensor end, Tensor weight) -> Tensor` */
  lerp(this: Tensor, end: Tensor, weight: Tensor | Scalar): Tensor {
    return ops.lerp(this, end, weight);
  }

  /** `aten::addcmul(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor` */
  addcmul(this: Tensor, tensor1: Tensor, tensor2: Tensor, options: { value?: Scalar | undefined } = {}): Tensor {
    return ops.addcmul(this, tensor1, tensor2, options);
  }

  /** `aten::addcdiv(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor` */
  addcdiv(this: Tensor, tensor1: Tensor, tensor2: Tensor, options: { value?: Scalar | undefined } = {}): Tensor {
    return ops.addcdiv(this, tensor1, tensor2, options);
  }

  /** `aten::nan_to_num(Tensor self, float? nan=None, float? posinf=None, float? neginf=None) -> Tensor` */
  nanToNum(this: Tensor, nan?: number | undefined, posinf?: number | undefined, neginf?: number | undefined): Tensor {
    return ops.nanToNum(this, nan, posinf, neginf);
  }

  /** `aten::add_.Tensor(Tensor(a!) self, Tensor other, *, Scalar alpha=1) -> Tensor(a!)` */
  add_(this: Tensor, other: Tensor | Scalar, options: { alpha?: Scalar | undefined } = {}): Tensor {
    return ops.add_(this, other, options);
  }

  /** `aten::sub_.Tensor(Tensor(a!) self, Tensor other, *, Scalar alpha=1) -> Tensor(a!)` */
  sub_(this: Tensor, other: Tensor | Scalar, options: { alpha?: Scalar | undefined } = {}): Tensor {
    return ops.sub_(this, other, options);
  }

  /** `aten::mul_.Tensor(Tensor(a!) self, Tensor other) -> Tensor(a!)` */
  mul_(this: Tensor, other: Tensor | Scalar): Tensor {
    return ops.mul_(this, other);
  }

  /** `aten::div_.Tensor(Tensor(a!) self, Tensor other) -> Tensor(a!)` */
  div_(this: Tensor, other: Tensor | Scalar): Tensor {
    return ops.div_(this, other);
  }

  /** `aten::pow_.Tensor(Tensor(a!) self, Tensor exponent) -> Tensor(a!)` */
  pow_(this: Tensor, exponent: Tensor | Scalar): Tensor {
    return ops.pow_(this, exponent);
  }

  /** `aten::neg_(Tensor(a!) self) -> Tensor(a!)` */
  neg_(this: Tensor): Tensor {
    return ops.neg_(this);
  }

  /** `aten::exp_(Tensor(a!) self) -> Tensor(a!)` */
  exp_(this: Tensor): Tensor {
    return ops.exp_(this);
  }

  /** `aten::sqrt_(Tensor(a!) self) -> Tensor(a!)` */
  sqrt_(this: Tensor): Tensor {
    return ops.sqrt_(this);
  }

  /** `aten::rsqrt_(Tensor(a!) self) -> Tensor(a!)` */
  rsqrt_(this: Tensor): Tensor {
    return ops.rsqrt_(this);
  }

  /** `aten::cos_(Tensor(a!) self) -> Tensor(a!)` */
  cos_(this: Tensor): Tensor {
    return ops.cos_(this);
  }

  /** `aten::sin_(Tensor(a!) self) -> Tensor(a!)` */
  sin_(this: Tensor): Tensor {
    return ops.sin_(this);
  }

  /** `aten::silu_(Tensor(a!) self) -> Tensor(a!)` */
  silu_(this: Tensor): Tensor {
    return ops.silu_(this);
  }

  /** `aten::gelu_(Tensor(a!) self, *, str approximate="none") -> Tensor(a!)` */
  gelu_(this: Tensor, options: { approximate?: string | undefined } = {}): Tensor {
    return ops.gelu_(this, options);
  }

  /** `aten::sigmoid_(Tensor(a!) self) -> Tensor(a!)` */
  sigmoid_(this: Tensor): Tensor {
    return ops.sigmoid_(this);
  }

  /** `aten::tanh_(Tensor(a!) self) -> Tensor(a!)` */
  tanh_(this: Tensor): Tensor {
    return ops.tanh_(this);
  }

  /** `aten::relu_(Tensor(a!) self) -> Tensor(a!)` */
  relu_(this: Tensor): Tensor {
    return ops.relu_(this);
  }

  /** `aten::clamp_(Tensor(a!) self, Scalar? min=None, Scalar? max=None) -> Tensor(a!)` */
  clamp_(this: Tensor, min?: Scalar | undefined, max?: Scalar | undefined): Tensor {
    return ops.clamp_(this, min, max);
  }

  /** `aten::addcmul_(Tensor(a!) self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor(a!)` */
  addcmul_(this: Tensor, tensor1: Tensor, tensor2: Tensor, options: { value?: Scalar | undefined } = {}): Tensor {
    return ops.addcmul_(this, tensor1, tensor2, options);
  }

  /** `aten::addcdiv_(Tensor(a!) self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor(a!)` */
  addcdiv_(this: Tensor, tensor1: Tensor, tensor2: Tensor, options: { value?: Scalar | undefined } = {}): Tensor {
    return ops.addcdiv_(this, tensor1, tensor2, options);
  }

  /** `aten::lerp_.Tensor(Tensor(a!) self, Tensor end, Tensor weight) -> Tensor(a!)` */
  lerp_(this: Tensor, end: Tensor, weight: Tensor | Scalar): Tensor {
    return ops.lerp_(this, end, weight);
  }

  /** `aten::masked_fill_.Tensor(Tensor(a!) self, Tensor mask, Tensor value) -> Tensor(a!)` */
  maskedFill_(this: Tensor, mask: Tensor, value: Tensor | Scalar): Tensor {
    return ops.maskedFill_(this, mask, value);
  }

  /** `aten::index_copy_(Tensor(a!) self, int dim, Tensor index, Tensor source) -> Tensor(a!)` */
  indexCopy_(this: Tensor, dim: number, index: Tensor, source: Tensor): Tensor {
    return ops.indexCopy_(this, dim, index, source);
  }

  /** `aten::index_add_(Tensor(a!) self, int dim, Tensor index, Tensor source, *, Scalar alpha=1) -> Tensor(a!)` */
  indexAdd_(
    this: Tensor,
    dim: number,
    index: Tensor,
    source: Tensor,
    options: { alpha?: Scalar | undefined } = {},
  ): Tensor {
    return ops.indexAdd_(this, dim, index, source, options);
  }

  /** `aten::index_fill_.int_Tensor(Tensor(a!) self, int dim, Tensor index, Tensor value) -> Tensor(a!)` */
  indexFill_(this: Tensor, dim: number, index: Tensor, value: Tensor | Scalar): Tensor {
    return ops.indexFill_(this, dim, index, value);
  }

  /** `aten::index_put_(Tensor(a!) self, Tensor?[] indices, Tensor values, bool accumulate=False) -> Tensor(a!)` */
  indexPut_(
    this: Tensor,
    indices: readonly (Tensor | undefined)[],
    values: Tensor,
    accumulate?: boolean | undefined,
  ): Tensor {
    return ops.indexPut_(this, indices, values, accumulate);
  }

  /** `aten::scatter_.src(Tensor(a!) self, int dim, Tensor index, Tensor src) -> Tensor(a!)` */
  scatter_(this: Tensor, dim: number, index: Tensor, src: Tensor | Scalar): Tensor {
    return ops.scatter_(this, dim, index, src);
  }

  /** `aten::scatter_add_(Tensor(a!) self, int dim, Tensor index, Tensor src) -> Tensor(a!)` */
  scatterAdd_(this: Tensor, dim: number, index: Tensor, src: Tensor): Tensor {
    return ops.scatterAdd_(this, dim, index, src);
  }

  /** `aten::copy_(Tensor(a!) self, Tensor src, bool non_blocking=False) -> Tensor(a!)` */
  copy_(this: Tensor, src: Tensor): Tensor {
    return ops.copy_(this, src);
  }

  /** `aten::zero_(Tensor(a!) self) -> Tensor(a!)` */
  zero_(this: Tensor): Tensor {
    return ops.zero_(this);
  }

  /** `aten::fill_.Tensor(Tensor(a!) self, Tensor value) -> Tensor(a!)` */
  fill_(this: Tensor, value: Tensor | Scalar): Tensor {
    return ops.fill_(this, value);
  }

  /** `aten::logical_and_(Tensor(a!) self, Tensor other) -> Tensor(a!)` */
  logicalAnd_(this: Tensor, other: Tensor): Tensor {
    return ops.logicalAnd_(this, other);
  }

  /** `aten::logical_or_(Tensor(a!) self, Tensor other) -> Tensor(a!)` */
  logicalOr_(this: Tensor, other: Tensor): Tensor {
    return ops.logicalOr_(this, other);
  }

  /** `aten::uniform_(Tensor(a!) self, float from=0., float to=1., *, Generator? generator=None) -> Tensor(a!)` */
  uniform_(this: Tensor, from: number | undefined, to: number | undefined, options: { generator: Generator }): Tensor {
    return ops.uniform_(this, from, to, options);
  }

  /** `aten::normal_(Tensor(a!) self, float mean=0., float std=1., *, Generator? generator=None) -> Tensor(a!)` */
  normal_(this: Tensor, mean: number | undefined, std: number | undefined, options: { generator: Generator }): Tensor {
    return ops.normal_(this, mean, std, options);
  }

  /** `aten::bernoulli_.float(Tensor(a!) self, float p=0.5, *, Generator? generator=None) -> Tensor(a!)` */
  bernoulli_(this: Tensor, p: number | undefined, options: { generator: Generator }): Tensor {
    return ops.bernoulli_(this, p, options);
  }

  /** `aten::exponential_(Tensor(a!) self, float lambd=1., *, Generator? generator=None) -> Tensor(a!)` */
  exponential_(this: Tensor, lambd: number | undefined, options: { generator: Generator }): Tensor {
    return ops.exponential_(this, lambd, options);
  }

  /** `aten::log_(Tensor(a!) self) -> Tensor(a!)` */
  log_(this: Tensor): Tensor {
    return ops.log_(this);
  }

  /** `aten::sum.dim_IntList(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor` */
  sum(
    this: Tensor,
    dim?: number | readonly number[] | undefined,
    keepdim?: boolean | undefined,
    options: { dtype?: DType | undefined } = {},
  ): Tensor {
    return ops.sum(this, dim, keepdim, options);
  }

  /** `aten::mean.dim(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor` */
  mean(
    this: Tensor,
    dim?: number | readonly number[] | undefined,
    keepdim?: boolean | undefined,
    options: { dtype?: DType | undefined } = {},
  ): Tensor {
    return ops.mean(this, dim, keepdim, options);
  }

  /** `aten::prod.dim_int(Tensor self, int dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor` */
  prod(this: Tensor, dim: number, keepdim?: boolean | undefined, options: { dtype?: DType | undefined } = {}): Tensor {
    return ops.prod(this, dim, keepdim, options);
  }

  /** `aten::amax(Tensor self, int[1] dim=[], bool keepdim=False) -> Tensor` */
  amax(this: Tensor, dim?: number | readonly number[] | undefined, keepdim?: boolean | undefined): Tensor {
    return ops.amax(this, dim, keepdim);
  }

  /** `aten::amin(Tensor self, int[1] dim=[], bool keepdim=False) -> Tensor` */
  amin(this: Tensor, dim?: number | readonly number[] | undefined, keepdim?: boolean | undefined): Tensor {
    return ops.amin(this, dim, keepdim);
  }

  /** `aten::argmax(Tensor self, int? dim=None, bool keepdim=False) -> Tensor` */
  argmax(this: Tensor, dim?: number | undefined, keepdim?: boolean | undefined): Tensor {
    return ops.argmax(this, dim, keepdim);
  }

  /** `aten::argmin(Tensor self, int? dim=None, bool keepdim=False) -> Tensor` */
  argmin(this: Tensor, dim?: number | undefined, keepdim?: boolean | undefined): Tensor {
    return ops.argmin(this, dim, keepdim);
  }

  /** `aten::max.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)` */
  maxDim(this: Tensor, dim: number, keepdim?: boolean | undefined): [Tensor, Tensor] {
    return ops.maxDim(this, dim, keepdim);
  }

  /** `aten::min.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)` */
  minDim(this: Tensor, dim: number, keepdim?: boolean | undefined): [Tensor, Tensor] {
    return ops.minDim(this, dim, keepdim);
  }

  /** `aten::all.dims(Tensor self, int[]? dim=None, bool keepdim=False) -> Tensor` */
  all(this: Tensor, dim?: readonly number[] | undefined, keepdim?: boolean | undefined): Tensor {
    return ops.all(this, dim, keepdim);
  }

  /** `aten::any.dims(Tensor self, int[]? dim=None, bool keepdim=False) -> Tensor` */
  any(this: Tensor, dim?: readonly number[] | undefined, keepdim?: boolean | undefined): Tensor {
    return ops.any(this, dim, keepdim);
  }

  /** `aten::var.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool keepdim=False) -> Tensor` */
  variance(
    this: Tensor,
    dim?: number | readonly number[] | undefined,
    options: { correction?: Scalar | undefined; keepdim?: boolean | undefined } = {},
  ): Tensor {
    return ops.variance(this, dim, options);
  }

  /** `aten::std.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool keepdim=False) -> Tensor` */
  std(
    this: Tensor,
    dim?: number | readonly number[] | undefined,
    options: { correction?: Scalar | undefined; keepdim?: boolean | undefined } = {},
  ): Tensor {
    return ops.std(this, dim, options);
  }

  /** `aten::linalg_vector_norm(Tensor self, Scalar ord=2, int[1]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor` */
  linalgVectorNorm(
    this: Tensor,
    ord?: Scalar | undefined,
    dim?: number | readonly number[] | undefined,
    keepdim?: boolean | undefined,
    options: { dtype?: DType | undefined } = {},
  ): Tensor {
    return ops.linalgVectorNorm(this, ord, dim, keepdim, options);
  }

  /** `aten::logsumexp(Tensor self, int[1] dim, bool keepdim=False) -> Tensor` */
  logsumexp(this: Tensor, dim: number | readonly number[], keepdim?: boolean | undefined): Tensor {
    return ops.logsumexp(this, dim, keepdim);
  }

  /** `aten::cumsum(Tensor self, int dim, *, ScalarType? dtype=None) -> Tensor` */
  cumsum(this: Tensor, dim: number, options: { dtype?: DType | undefined } = {}): Tensor {
    return ops.cumsum(this, dim, options);
  }

  /** `aten::cumprod(Tensor self, int dim, *, ScalarType? dtype=None) -> Tensor` */
  cumprod(this: Tensor, dim: number, options: { dtype?: DType | undefined } = {}): Tensor {
    return ops.cumprod(this, dim, options);
  }

  /** `aten::count_nonzero.dim_IntList(Tensor self, int[] dim) -> Tensor` */
  countNonzero(this: Tensor, dim: readonly number[]): Tensor {
    return ops.countNonzero(this, dim);
  }

  /** `aten::view(Tensor(a) self, SymInt[] size) -> Tensor(a)` */
  view(this: Tensor, size: readonly number[]): Tensor {
    return ops.view(this, size);
  }

  /** `aten::view.dtype(Tensor(a) self, ScalarType dtype) -> Tensor(a)` */
  viewDtype(this: Tensor, dtype: DType): Tensor {
    return ops.viewDtype(this, dtype);
  }

  /** `aten::reshape(Tensor(a) self, SymInt[] shape) -> Tensor(a)` */
  reshape(this: Tensor, shape: readonly number[]): Tensor {
    return ops.reshape(this, shape);
  }

  /** `aten::flatten.using_ints(Tensor(a) self, int start_dim=0, int end_dim=-1) -> Tensor(a)` */
  flatten(this: Tensor, startDim?: number | undefined, endDim?: number | undefined): Tensor {
    return ops.flatten(this, startDim, endDim);
  }

  /** `aten::unflatten.int(Tensor(a) self, int dim, SymInt[] sizes) -> Tensor(a)` */
  unflatten(this: Tensor, dim: number, sizes: readonly number[]): Tensor {
    return ops.unflatten(this, dim, sizes);
  }

  /** `aten::permute(Tensor(a) self, int[] dims) -> Tensor(a)` */
  permute(this: Tensor, dims: readonly number[]): Tensor {
    return ops.permute(this, dims);
  }

  /** `aten::transpose.int(Tensor(a) self, int dim0, int dim1) -> Tensor(a)` */
  transpose(this: Tensor, dim0: number, dim1: number): Tensor {
    return ops.transpose(this, dim0, dim1);
  }

  /** `aten::t(Tensor(a) self) -> Tensor(a)` */
  t(this: Tensor): Tensor {
    return ops.t(this);
  }

  /** `aten::expand(Tensor(a) self, SymInt[] size, *, bool implicit=False) -> Tensor(a)` */
  expand(this: Tensor, size: readonly number[], options: { implicit?: boolean | undefined } = {}): Tensor {
    return ops.expand(this, size, options);
  }

  /** `aten::expand_as(Tensor(a) self, Tensor other) -> Tensor(a)` */
  expandAs(this: Tensor, other: Tensor): Tensor {
    return ops.expandAs(this, other);
  }

  /** `aten::repeat(Tensor self, SymInt[] repeats) -> Tensor` */
  repeat(this: Tensor, repeats: readonly number[]): Tensor {
    return ops.repeat(this, repeats);
  }

  /** `aten::repeat_interleave.self_int(Tensor self, SymInt repeats, int? dim=None, *, SymInt? output_size=None) -> Tensor` */
  repeatInterleave(
    this: Tensor,
    repeats: number,
    dim?: number | undefined,
    options: { outputSize?: number | undefined } = {},
  ): Tensor {
    return ops.repeatInterleave(this, repeats, dim, options);
  }

  /** `aten::unsqueeze(Tensor(a) self, int dim) -> Tensor(a)` */
  unsqueeze(this: Tensor, dim: number): Tensor {
    return ops.unsqueeze(this, dim);
  }

  /** `aten::squeeze(Tensor(a) self) -> Tensor(a)` */
  squeeze(this: Tensor): Tensor {
    return ops.squeeze(this);
  }

  /** `aten::squeeze.dim(Tensor(a) self, int dim) -> Tensor(a)` */
  squeezeDim(this: Tensor, dim: number): Tensor {
    return ops.squeezeDim(this, dim);
  }

  /** `aten::narrow(Tensor(a) self, int dim, SymInt start, SymInt length) -> Tensor(a)` */
  narrow(this: Tensor, dim: number, start: number, length: number): Tensor {
    return ops.narrow(this, dim, start, length);
  }

  /** `aten::select.int(Tensor(a) self, int dim, SymInt index) -> Tensor(a)` */
  select(this: Tensor, dim: number, index: number): Tensor {
    return ops.select(this, dim, index);
  }

  /** `aten::slice.Tensor(Tensor(a) self, int dim=0, SymInt? start=None, SymInt? end=None, SymInt step=1) -> Tensor(a)` */
  slice(
    this: Tensor,
    dim?: number | undefined,
    start?: number | undefined,
    end?: number | undefined,
    step?: number | undefined,
  ): Tensor {
    return ops.slice(this, dim, start, end, step);
  }

  /** `aten::split.Tensor(Tensor(a -> *) self, SymInt split_size, int dim=0) -> Tensor(a)[]` */
  split(this: Tensor, splitSize: number, dim?: number | undefined): Tensor[] {
    return ops.split(this, splitSize, dim);
  }

  /** `aten::split_with_sizes(Tensor(a -> *) self, SymInt[] split_sizes, int dim=0) -> Tensor(a)[]` */
  splitWithSizes(this: Tensor, splitSizes: readonly number[], dim?: number | undefined): Tensor[] {
    return ops.splitWithSizes(this, splitSizes, dim);
  }

  /** `aten::chunk(Tensor(a -> *) self, int chunks, int dim=0) -> Tensor(a)[]` */
  chunk(this: Tensor, chunks: number, dim?: number | undefined): Tensor[] {
    return ops.chunk(this, chunks, dim);
  }

  /** `aten::unbind.int(Tensor(a -> *) self, int dim=0) -> Tensor(a)[]` */
  unbind(this: Tensor, dim?: number | undefined): Tensor[] {
    return ops.unbind(this, dim);
  }

  /** `aten::index_select(Tensor self, int dim, Tensor index) -> Tensor` */
  indexSelect(this: Tensor, dim: number, index: Tensor): Tensor {
    return ops.indexSelect(this, dim, index);
  }

  /** `aten::index.Tensor(Tensor self, Tensor?[] indices) -> Tensor` */
  index(this: Tensor, indices: readonly (Tensor | undefined)[]): Tensor {
    return ops.index(this, indices);
  }

  /** `aten::gather(Tensor self, int dim, Tensor index, *, bool sparse_grad=False) -> Tensor` */
  gather(this: Tensor, dim: number, index: Tensor, options: { sparseGrad?: boolean | undefined } = {}): Tensor {
    return ops.gather(this, dim, index, options);
  }

  /** `aten::masked_select(Tensor self, Tensor mask) -> Tensor` */
  maskedSelect(this: Tensor, mask: Tensor): Tensor {
    return ops.maskedSelect(this, mask);
  }

  /** `aten::take_along_dim(Tensor self, Tensor indices, int? dim=None) -> Tensor` */
  takeAlongDim(this: Tensor, indices: Tensor, dim?: number | undefined): Tensor {
    return ops.takeAlongDim(this, indices, dim);
  }

  /** `aten::flip(Tensor self, int[] dims) -> Tensor` */
  flip(this: Tensor, dims: readonly number[]): Tensor {
    return ops.flip(this, dims);
  }

  /** `aten::roll(Tensor self, SymInt[1] shifts, int[1] dims=[]) -> Tensor` */
  roll(this: Tensor, shifts: number | readonly number[], dims?: number | readonly number[] | undefined): Tensor {
    return ops.roll(this, shifts, dims);
  }

  /** `aten::contiguous(Tensor(a) self, *, MemoryFormat memory_format=0) -> Tensor(a)` */
  contiguous(this: Tensor, options: { memoryFormat?: MemoryFormat | undefined } = {}): Tensor {
    return ops.contiguous(this, options);
  }

  /** `aten::clone(Tensor self, *, MemoryFormat? memory_format=None) -> Tensor` */
  clone(this: Tensor, options: { memoryFormat?: MemoryFormat | undefined } = {}): Tensor {
    return ops.clone(this, options);
  }

  /** `aten::detach(Tensor(a) self) -> Tensor(a)` */
  detach(this: Tensor): Tensor {
    return ops.detach(this);
  }

  /** `aten::to.dtype_layout(Tensor(a) self, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, bool non_blocking=False, bool copy=False, MemoryFormat? memory_format=None) -> Tensor(a)` */
  to(
    this: Tensor,
    options: {
      dtype?: DType | undefined;
      device?: Device | undefined;
      copy?: boolean | undefined;
      memoryFormat?: MemoryFormat | undefined;
    } = {},
  ): Tensor {
    return ops.to(this, options);
  }

  /** `aten::as_strided(Tensor(a) self, SymInt[] size, SymInt[] stride, SymInt? storage_offset=None) -> Tensor(a)` */
  asStrided(
    this: Tensor,
    size: readonly number[],
    stride: readonly number[],
    storageOffset?: number | undefined,
  ): Tensor {
    return ops.asStrided(this, size, stride, storageOffset);
  }

  /** `aten::constant_pad_nd(Tensor self, SymInt[] pad, Scalar value=0) -> Tensor` */
  constantPadNd(this: Tensor, pad: readonly number[], value?: Scalar | undefined): Tensor {
    return ops.constantPadNd(this, pad, value);
  }

  /** `aten::triu(Tensor self, SymInt diagonal=0) -> Tensor` */
  triu(this: Tensor, diagonal?: number | undefined): Tensor {
    return ops.triu(this, diagonal);
  }

  /** `aten::tril(Tensor self, SymInt diagonal=0) -> Tensor` */
  tril(this: Tensor, diagonal?: number | undefined): Tensor {
    return ops.tril(this, diagonal);
  }

  /** `aten::diagonal(Tensor(a) self, int offset=0, int dim1=0, int dim2=1) -> Tensor(a)` */
  diagonal(this: Tensor, offset?: number | undefined, dim1?: number | undefined, dim2?: number | undefined): Tensor {
    return ops.diagonal(this, offset, dim1, dim2);
  }

  /** `aten::movedim.int(Tensor(a) self, int source, int destination) -> Tensor(a)` */
  movedim(this: Tensor, source: number, destination: number): Tensor {
    return ops.movedim(this, source, destination);
  }

  /** `aten::tile(Tensor self, SymInt[] dims) -> Tensor` */
  tile(this: Tensor, dims: readonly number[]): Tensor {
    return ops.tile(this, dims);
  }

  /** `aten::nonzero(Tensor self) -> Tensor` */
  nonzero(this: Tensor): Tensor {
    return ops.nonzero(this);
  }

  /** `aten::unique_dim(Tensor self, int dim, bool sorted=True, bool return_inverse=False, bool return_counts=False) -> (Tensor, Tensor, Tensor)` */
  uniqueDim(
    this: Tensor,
    dim: number,
    sorted?: boolean | undefined,
    returnInverse?: boolean | undefined,
    returnCounts?: boolean | undefined,
  ): [Tensor, Tensor, Tensor] {
    return ops.uniqueDim(this, dim, sorted, returnInverse, returnCounts);
  }

  /** `aten::bincount(Tensor self, Tensor? weights=None, SymInt minlength=0) -> Tensor` */
  bincount(this: Tensor, weights?: Tensor | undefined, minlength?: number | undefined): Tensor {
    return ops.bincount(this, weights, minlength);
  }

  /** `aten::mm(Tensor self, Tensor mat2) -> Tensor` */
  mm(this: Tensor, mat2: Tensor): Tensor {
    return ops.mm(this, mat2);
  }

  /** `aten::bmm(Tensor self, Tensor mat2) -> Tensor` */
  bmm(this: Tensor, mat2: Tensor): Tensor {
    return ops.bmm(this, mat2);
  }

  /** `aten::addmm(Tensor self, Tensor mat1, Tensor mat2, *, Scalar beta=1, Scalar alpha=1) -> Tensor` */
  addmm(
    this: Tensor,
    mat1: Tensor,
    mat2: Tensor,
    options: { beta?: Scalar | undefined; alpha?: Scalar | undefined } = {},
  ): Tensor {
    return ops.addmm(this, mat1, mat2, options);
  }

  /** `aten::baddbmm(Tensor self, Tensor batch1, Tensor batch2, *, Scalar beta=1, Scalar alpha=1) -> Tensor` */
  baddbmm(
    this: Tensor,
    batch1: Tensor,
    batch2: Tensor,
    options: { beta?: Scalar | undefined; alpha?: Scalar | undefined } = {},
  ): Tensor {
    return ops.baddbmm(this, batch1, batch2, options);
  }

  /** `aten::matmul(Tensor self, Tensor other) -> Tensor` */
  matmul(this: Tensor, other: Tensor): Tensor {
    return ops.matmul(this, other);
  }

  /** `aten::dot(Tensor self, Tensor tensor) -> Tensor` */
  dot(this: Tensor, tensor: Tensor): Tensor {
    return ops.dot(this, tensor);
  }

  /** `aten::outer(Tensor self, Tensor vec2) -> Tensor` */
  outer(this: Tensor, vec2: Tensor): Tensor {
    return ops.outer(this, vec2);
  }

  /** `aten::avg_pool2d(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] padding=0, bool ceil_mode=False, bool count_include_pad=True, int? divisor_override=None) -> Tensor` */
  avgPool2d(
    this: Tensor,
    kernelSize: number | readonly number[],
    stride?: number | readonly number[] | undefined,
    padding?: number | readonly number[] | undefined,
    ceilMode?: boolean | undefined,
    countIncludePad?: boolean | undefined,
    divisorOverride?: number | undefined,
  ): Tensor {
    return ops.avgPool2d(this, kernelSize, stride, padding, ceilMode, countIncludePad, divisorOverride);
  }

  /** `aten::max_pool2d(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] padding=0, int[2] dilation=1, bool ceil_mode=False) -> Tensor` */
  maxPool2d(
    this: Tensor,
    kernelSize: number | readonly number[],
    stride?: number | readonly number[] | undefined,
    padding?: number | readonly number[] | undefined,
    dilation?: number | readonly number[] | undefined,
    ceilMode?: boolean | undefined,
  ): Tensor {
    return ops.maxPool2d(this, kernelSize, stride, padding, dilation, ceilMode);
  }

  /** `aten::adaptive_avg_pool2d(Tensor self, SymInt[2] output_size) -> Tensor` */
  adaptiveAvgPool2d(this: Tensor, outputSize: number | readonly number[]): Tensor {
    return ops.adaptiveAvgPool2d(this, outputSize);
  }

  /** `aten::upsample_bilinear2d(Tensor self, SymInt[2] output_size, bool align_corners, float? scales_h=None, float? scales_w=None) -> Tensor` */
  upsampleBilinear2d(
    this: Tensor,
    outputSize: number | readonly number[],
    alignCorners: boolean,
    scalesH?: number | undefined,
    scalesW?: number | undefined,
  ): Tensor {
    return ops.upsampleBilinear2d(this, outputSize, alignCorners, scalesH, scalesW);
  }

  /** `aten::upsample_nearest2d(Tensor self, SymInt[2] output_size, float? scales_h=None, float? scales_w=None) -> Tensor` */
  upsampleNearest2d(
    this: Tensor,
    outputSize: number | readonly number[],
    scalesH?: number | undefined,
    scalesW?: number | undefined,
  ): Tensor {
    return ops.upsampleNearest2d(this, outputSize, scalesH, scalesW);
  }

  /** `aten::upsample_bicubic2d(Tensor self, SymInt[2] output_size, bool align_corners, float? scales_h=None, float? scales_w=None) -> Tensor` */
  upsampleBicubic2d(
    this: Tensor,
    outputSize: number | readonly number[],
    alignCorners: boolean,
    scalesH?: number | undefined,
    scalesW?: number | undefined,
  ): Tensor {
    return ops.upsampleBicubic2d(this, outputSize, alignCorners, scalesH, scalesW);
  }

  /** `aten::softmax.int(Tensor self, int dim, ScalarType? dtype=None) -> Tensor` */
  softmax(this: Tensor, dim: number, dtype?: DType | undefined): Tensor {
    return ops.softmax(this, dim, dtype);
  }

  /** `aten::log_softmax.int(Tensor self, int dim, ScalarType? dtype=None) -> Tensor` */
  logSoftmax(this: Tensor, dim: number, dtype?: DType | undefined): Tensor {
    return ops.logSoftmax(this, dim, dtype);
  }

  /** `aten::cross_entropy_loss(Tensor self, Tensor target, Tensor? weight=None, int reduction=1, SymInt ignore_index=-100, float label_smoothing=0.) -> Tensor` */
  crossEntropyLoss(
    this: Tensor,
    target: Tensor,
    weight?: Tensor | undefined,
    reduction?: number | undefined,
    ignoreIndex?: number | undefined,
    labelSmoothing?: number | undefined,
  ): Tensor {
    return ops.crossEntropyLoss(this, target, weight, reduction, ignoreIndex, labelSmoothing);
  }

  /** `aten::nll_loss(Tensor self, Tensor target, Tensor? weight=None, int reduction=1, SymInt ignore_index=-100) -> Tensor` */
  nllLoss(
    this: Tensor,
    target: Tensor,
    weight?: Tensor | undefined,
    reduction?: number | undefined,
    ignoreIndex?: number | undefined,
  ): Tensor {
    return ops.nllLoss(this, target, weight, reduction, ignoreIndex);
  }

  /** `aten::mse_loss(Tensor self, Tensor target, int reduction=1) -> Tensor` */
  mseLoss(this: Tensor, target: Tensor, reduction?: number | undefined): Tensor {
    return ops.mseLoss(this, target, reduction);
  }

  /** `aten::l1_loss(Tensor self, Tensor target, int reduction=1) -> Tensor` */
  l1Loss(this: Tensor, target: Tensor, reduction?: number | undefined): Tensor {
    return ops.l1Loss(this, target, reduction);
  }

  /** `aten::binary_cross_entropy_with_logits(Tensor self, Tensor target, Tensor? weight=None, Tensor? pos_weight=None, int reduction=1) -> Tensor` */
  binaryCrossEntropyWithLogits(
    this: Tensor,
    target: Tensor,
    weight?: Tensor | undefined,
    posWeight?: Tensor | undefined,
    reduction?: number | undefined,
  ): Tensor {
    return ops.binaryCrossEntropyWithLogits(this, target, weight, posWeight, reduction);
  }

  /** `aten::one_hot(Tensor self, int num_classes=-1) -> Tensor` */
  oneHot(this: Tensor, numClasses?: number | undefined): Tensor {
    return ops.oneHot(this, numClasses);
  }

  /** `aten::glu(Tensor self, int dim=-1) -> Tensor` */
  glu(this: Tensor, dim?: number | undefined): Tensor {
    return ops.glu(this, dim);
  }

  /** `aten::topk(Tensor self, SymInt k, int dim=-1, bool largest=True, bool sorted=True) -> (Tensor values, Tensor indices)` */
  topk(
    this: Tensor,
    k: number,
    dim?: number | undefined,
    largest?: boolean | undefined,
    sorted?: boolean | undefined,
  ): [Tensor, Tensor] {
    return ops.topk(this, k, dim, largest, sorted);
  }

  /** `aten::sort(Tensor self, int dim=-1, bool descending=False) -> (Tensor values, Tensor indices)` */
  sort(this: Tensor, dim?: number | undefined, descending?: boolean | undefined): [Tensor, Tensor] {
    return ops.sort(this, dim, descending);
  }

  /** `aten::sort.stable(Tensor self, *, bool? stable, int dim=-1, bool descending=False) -> (Tensor values, Tensor indices)` */
  sortStable(
    this: Tensor,
    options: { stable?: boolean | undefined; dim?: number | undefined; descending?: boolean | undefined } = {},
  ): [Tensor, Tensor] {
    return ops.sortStable(this, options);
  }

  /** `aten::argsort(Tensor self, int dim=-1, bool descending=False) -> Tensor` */
  argsort(this: Tensor, dim?: number | undefined, descending?: boolean | undefined): Tensor {
    return ops.argsort(this, dim, descending);
  }

  /** `aten::kthvalue(Tensor self, SymInt k, int dim=-1, bool keepdim=False) -> (Tensor values, Tensor indices)` */
  kthvalue(this: Tensor, k: number, dim?: number | undefined, keepdim?: boolean | undefined): [Tensor, Tensor] {
    return ops.kthvalue(this, k, dim, keepdim);
  }

  /** `aten::multinomial(Tensor self, SymInt num_samples, bool replacement=False, *, Generator? generator=None) -> Tensor` */
  multinomial(
    this: Tensor,
    numSamples: number,
    replacement: boolean | undefined,
    options: { generator: Generator },
  ): Tensor {
    return ops.multinomial(this, numSamples, replacement, options);
  }

  /** `aten::bernoulli(Tensor self, *, Generator? generator=None) -> Tensor` */
  bernoulli(this: Tensor, options: { generator: Generator }): Tensor {
    return ops.bernoulli(this, options);
  }

  /** `aten::histc(Tensor self, int bins=100, Scalar min=0, Scalar max=0) -> Tensor` */
  histc(this: Tensor, bins?: number | undefined, min?: Scalar | undefined, max?: Scalar | undefined): Tensor {
    return ops.histc(this, bins, min, max);
  }

  /** `aten::zeros_like(Tensor self, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor` */
  zerosLike(
    this: Tensor,
    options: { dtype?: DType | undefined; device?: Device | undefined; memoryFormat?: MemoryFormat | undefined } = {},
  ): Tensor {
    return ops.zerosLike(this, options);
  }

  /** `aten::ones_like(Tensor self, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor` */
  onesLike(
    this: Tensor,
    options: { dtype?: DType | undefined; device?: Device | undefined; memoryFormat?: MemoryFormat | undefined } = {},
  ): Tensor {
    return ops.onesLike(this, options);
  }

  /** `aten::empty_like(Tensor self, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor` */
  emptyLike(
    this: Tensor,
    options: { dtype?: DType | undefined; device?: Device | undefined; memoryFormat?: MemoryFormat | undefined } = {},
  ): Tensor {
    return ops.emptyLike(this, options);
  }

  /** `aten::full_like(Tensor self, Scalar fill_value, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor` */
  fullLike(
    this: Tensor,
    fillValue: Scalar,
    options: { dtype?: DType | undefined; device?: Device | undefined; memoryFormat?: MemoryFormat | undefined } = {},
  ): Tensor {
    return ops.fullLike(this, fillValue, options);
  }

  /** `aten::new_zeros(Tensor self, SymInt[] size, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor` */
  newZeros(
    this: Tensor,
    size: readonly number[],
    options: { dtype?: DType | undefined; device?: Device | undefined } = {},
  ): Tensor {
    return ops.newZeros(this, size, options);
  }

  /** `aten::new_full(Tensor self, SymInt[] size, Scalar fill_value, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor` */
  newFull(
    this: Tensor,
    size: readonly number[],
    fillValue: Scalar,
    options: { dtype?: DType | undefined; device?: Device | undefined } = {},
  ): Tensor {
    return ops.newFull(this, size, fillValue, options);
  }

  /** `aten::linalg_cholesky(Tensor self, *, bool upper=False) -> Tensor` */
  linalgCholesky(this: Tensor, options: { upper?: boolean | undefined } = {}): Tensor {
    return ops.linalgCholesky(this, options);
  }

  /** `aten::equal(Tensor self, Tensor other) -> bool` */
  equal(this: Tensor, other: Tensor): boolean {
    return ops.equal(this, other);
  }

  /** `aten::allclose(Tensor self, Tensor other, float rtol=1.0000000000000001e-05, float atol=1e-08, bool equal_nan=False) -> bool` */
  allclose(
    this: Tensor,
    other: Tensor,
    rtol?: number | undefined,
    atol?: number | undefined,
    equalNan?: boolean | undefined,
  ): boolean {
    return ops.allclose(this, other, rtol, atol, equalNan);
  }

  /** `aten::isclose(Tensor self, Tensor other, float rtol=1.0000000000000001e-05, float atol=1e-08, bool equal_nan=False) -> Tensor` */
  isclose(
    this: Tensor,
    other: Tensor,
    rtol?: number | undefined,
    atol?: number | undefined,
    equalNan?: boolean | undefined,
  ): Tensor {
    return ops.isclose(this, other, rtol, atol, equalNan);
  }
}
