// Written by scripts/generate-ops.mjs from libtorch's schemas (torch 2.15.0); do not edit.

import { type Device, usableDevice } from "../device.js";
import { type DType, dtypeCode } from "../dtype.js";
import { native } from "../native.js";
import { type MemoryFormat, memoryFormatCode, operatorId } from "../operator.js";
import type { Generator } from "../random.js";
import { Tensor, wrap } from "../tensor.js";

/** A whole number is an integer for libtorch: `add(int64Tensor, 1)` stays int64, there is no way to write 1.0. */
export type Scalar = number | bigint | boolean;

const NAMES = [
  "aten::add.Tensor",
  "aten::add.Scalar",
  "aten::sub.Tensor",
  "aten::sub.Scalar",
  "aten::mul.Tensor",
  "aten::mul.Scalar",
  "aten::div.Tensor",
  "aten::div.Scalar",
  "aten::pow.Tensor_Tensor",
  "aten::pow.Tensor_Scalar",
  "aten::remainder.Tensor",
  "aten::remainder.Scalar",
  "aten::floor_divide",
  "aten::floor_divide.Scalar",
  "aten::maximum",
  "aten::minimum",
  "aten::neg",
  "aten::abs",
  "aten::exp",
  "aten::log",
  "aten::log1p",
  "aten::expm1",
  "aten::sqrt",
  "aten::rsqrt",
  "aten::reciprocal",
  "aten::sin",
  "aten::cos",
  "aten::tanh",
  "aten::sigmoid",
  "aten::silu",
  "aten::gelu",
  "aten::relu",
  "aten::softplus",
  "aten::erf",
  "aten::floor",
  "aten::ceil",
  "aten::round",
  "aten::sign",
  "aten::square",
  "aten::clamp",
  "aten::isfinite",
  "aten::isnan",
  "aten::isinf",
  "aten::logical_and",
  "aten::logical_or",
  "aten::logical_not",
  "aten::logical_xor",
  "aten::bitwise_and.Tensor",
  "aten::bitwise_and.Scalar",
  "aten::bitwise_or.Tensor",
  "aten::bitwise_or.Scalar",
  "aten::eq.Tensor",
  "aten::eq.Scalar",
  "aten::ne.Tensor",
  "aten::ne.Scalar",
  "aten::lt.Tensor",
  "aten::lt.Scalar",
  "aten::le.Tensor",
  "aten::le.Scalar",
  "aten::gt.Tensor",
  "aten::gt.Scalar",
  "aten::ge.Tensor",
  "aten::ge.Scalar",
  "aten::where.self",
  "aten::masked_fill.Tensor",
  "aten::masked_fill.Scalar",
  "aten::lerp.Tensor",
  "aten::lerp.Scalar",
  "aten::addcmul",
  "aten::addcdiv",
  "aten::nan_to_num",
  "aten::add_.Tensor",
  "aten::add_.Scalar",
  "aten::sub_.Tensor",
  "aten::sub_.Scalar",
  "aten::mul_.Tensor",
  "aten::mul_.Scalar",
  "aten::div_.Tensor",
  "aten::div_.Scalar",
  "aten::pow_.Tensor",
  "aten::pow_.Scalar",
  "aten::neg_",
  "aten::exp_",
  "aten::sqrt_",
  "aten::rsqrt_",
  "aten::cos_",
  "aten::sin_",
  "aten::silu_",
  "aten::gelu_",
  "aten::sigmoid_",
  "aten::tanh_",
  "aten::relu_",
  "aten::clamp_",
  "aten::addcmul_",
  "aten::addcdiv_",
  "aten::lerp_.Tensor",
  "aten::lerp_.Scalar",
  "aten::masked_fill_.Tensor",
  "aten::masked_fill_.Scalar",
  "aten::index_copy_",
  "aten::index_add_",
  "aten::index_fill_.int_Tensor",
  "aten::index_fill_.int_Scalar",
  "aten::index_put_",
  "aten::scatter_.src",
  "aten::scatter_.value",
  "aten::scatter_add_",
  "aten::copy_",
  "aten::zero_",
  "aten::fill_.Tensor",
  "aten::fill_.Scalar",
  "aten::logical_and_",
  "aten::logical_or_",
  "aten::uniform_",
  "aten::normal_",
  "aten::bernoulli_.float",
  "aten::exponential_",
  "aten::log_",
  "aten::sum.dim_IntList",
  "aten::mean.dim",
  "aten::prod.dim_int",
  "aten::amax",
  "aten::amin",
  "aten::argmax",
  "aten::argmin",
  "aten::max.dim",
  "aten::min.dim",
  "aten::all.dims",
  "aten::any.dims",
  "aten::var.correction",
  "aten::std.correction",
  "aten::linalg_vector_norm",
  "aten::logsumexp",
  "aten::cumsum",
  "aten::cumprod",
  "aten::count_nonzero.dim_IntList",
  "aten::view",
  "aten::view.dtype",
  "aten::reshape",
  "aten::flatten.using_ints",
  "aten::unflatten.int",
  "aten::permute",
  "aten::transpose.int",
  "aten::t",
  "aten::expand",
  "aten::expand_as",
  "aten::repeat",
  "aten::repeat_interleave.self_int",
  "aten::unsqueeze",
  "aten::squeeze",
  "aten::squeeze.dim",
  "aten::narrow",
  "aten::select.int",
  "aten::slice.Tensor",
  "aten::split.Tensor",
  "aten::split_with_sizes",
  "aten::chunk",
  "aten::unbind.int",
  "aten::cat",
  "aten::stack",
  "aten::index_select",
  "aten::index.Tensor",
  "aten::gather",
  "aten::masked_select",
  "aten::take_along_dim",
  "aten::flip",
  "aten::roll",
  "aten::contiguous",
  "aten::clone",
  "aten::detach",
  "aten::to.dtype_layout",
  "aten::as_strided",
  "aten::constant_pad_nd",
  "aten::triu",
  "aten::tril",
  "aten::diagonal",
  "aten::movedim.int",
  "aten::tile",
  "aten::nonzero",
  "aten::unique_dim",
  "aten::bincount",
  "aten::mm",
  "aten::bmm",
  "aten::addmm",
  "aten::baddbmm",
  "aten::matmul",
  "aten::linear",
  "aten::dot",
  "aten::outer",
  "aten::einsum",
  "aten::embedding",
  "aten::layer_norm",
  "aten::rms_norm",
  "aten::group_norm",
  "aten::conv2d",
  "aten::conv1d",
  "aten::avg_pool2d",
  "aten::max_pool2d",
  "aten::adaptive_avg_pool2d",
  "aten::upsample_bilinear2d",
  "aten::upsample_nearest2d",
  "aten::upsample_bicubic2d",
  "aten::softmax.int",
  "aten::log_softmax.int",
  "aten::scaled_dot_product_attention",
  "aten::cross_entropy_loss",
  "aten::nll_loss",
  "aten::mse_loss",
  "aten::l1_loss",
  "aten::binary_cross_entropy_with_logits",
  "aten::one_hot",
  "aten::glu",
  "aten::topk",
  "aten::sort",
  "aten::sort.stable",
  "aten::argsort",
  "aten::kthvalue",
  "aten::searchsorted.Tensor",
  "aten::multinomial",
  "aten::bernoulli",
  "aten::histc",
  "aten::zeros_like",
  "aten::ones_like",
  "aten::empty_like",
  "aten::full_like",
  "aten::new_zeros",
  "aten::new_full",
  "aten::linalg_inv",
  "aten::linalg_det",
  "aten::linalg_qr",
  "aten::linalg_svd",
  "aten::linalg_solve",
  "aten::linalg_cholesky",
  "aten::_fused_adamw_",
  "aten::_foreach_add_.Scalar",
  "aten::_foreach_add_.List",
  "aten::_foreach_mul_.Scalar",
  "aten::_foreach_mul_.List",
  "aten::_foreach_addcdiv_.Scalar",
  "aten::_foreach_addcmul_.Scalar",
  "aten::_foreach_lerp_.Scalar",
  "aten::_foreach_sqrt",
  "aten::_foreach_norm.Scalar",
  "aten::_foreach_copy_",
  "aten::from_file",
  "aten::equal",
  "aten::allclose",
  "aten::isclose",
];

const ids: number[] = [];

function id(index: number): number {
  return ids[index] ?? resolve(index);
}

function resolve(index: number): number {
  const found = operatorId(NAMES[index] as string);
  ids[index] = found;
  return found;
}

function slots(tensors: readonly Tensor[]): number[] {
  const list: number[] = [];
  for (const tensor of tensors) list.push(tensor.slot);
  return list;
}

const optionalSlots = (tensors: readonly (Tensor | undefined)[]): (number | undefined)[] => tensors.map((t) => t?.slot);

const many = (results: unknown): Tensor[] => (results as number[]).map(wrap);

/** The full names of the operators with typed functions. */
export const TYPED_OPERATORS: readonly string[] = NAMES;

/** `aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor` */
export function add(self: Tensor, other: Tensor | Scalar, options: { alpha?: Scalar | undefined } = {}): Tensor {
  if (other instanceof Tensor) {
    return wrap(native.call(id(0), self.slot, other.slot, options.alpha));
  }
  return wrap(native.call(id(1), self.slot, other as Scalar, options.alpha));
}

/** `aten::sub.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor` */
export function sub(self: Tensor, other: Tensor | Scalar, options: { alpha?: Scalar | undefined } = {}): Tensor {
  if (other instanceof Tensor) {
    return wrap(native.call(id(2), self.slot, other.slot, options.alpha));
  }
  return wrap(native.call(id(3), self.slot, other as Scalar, options.alpha));
}

/** `aten::mul.Tensor(Tensor self, Tensor other) -> Tensor` */
export function mul(self: Tensor, other: Tensor | Scalar): Tensor {
  if (other instanceof Tensor) {
    return wrap(native.call(id(4), self.slot, other.slot));
  }
  return wrap(native.call(id(5), self.slot, other as Scalar));
}

/** `aten::div.Tensor(Tensor self, Tensor other) -> Tensor` */
export function div(self: Tensor, other: Tensor | Scalar): Tensor {
  if (other instanceof Tensor) {
    return wrap(native.call(id(6), self.slot, other.slot));
  }
  return wrap(native.call(id(7), self.slot, other as Scalar));
}

/** `aten::pow.Tensor_Tensor(Tensor self, Tensor exponent) -> Tensor` */
export function pow(self: Tensor, exponent: Tensor | Scalar): Tensor {
  if (exponent instanceof Tensor) {
    return wrap(native.call(id(8), self.slot, exponent.slot));
  }
  return wrap(native.call(id(9), self.slot, exponent as Scalar));
}

/** `aten::remainder.Tensor(Tensor self, Tensor other) -> Tensor` */
export function remainder(self: Tensor, other: Tensor | Scalar): Tensor {
  if (other instanceof Tensor) {
    return wrap(native.call(id(10), self.slot, other.slot));
  }
  return wrap(native.call(id(11), self.slot, other as Scalar));
}

/** `aten::floor_divide(Tensor self, Tensor other) -> Tensor` */
export function floorDivide(self: Tensor, other: Tensor | Scalar): Tensor {
  if (other instanceof Tensor) {
    return wrap(native.call(id(12), self.slot, other.slot));
  }
  return wrap(native.call(id(13), self.slot, other as Scalar));
}

/** `aten::maximum(Tensor self, Tensor other) -> Tensor` */
export function maximum(self: Tensor, other: Tensor): Tensor {
  return wrap(native.call(id(14), self.slot, other.slot));
}

/** `aten::minimum(Tensor self, Tensor other) -> Tensor` */
export function minimum(self: Tensor, other: Tensor): Tensor {
  return wrap(native.call(id(15), self.slot, other.slot));
}

/** `aten::neg(Tensor self) -> Tensor` */
export function neg(self: Tensor): Tensor {
  return wrap(native.call(id(16), self.slot));
}

/** `aten::abs(Tensor self) -> Tensor` */
export function abs(self: Tensor): Tensor {
  return wrap(native.call(id(17), self.slot));
}

/** `aten::exp(Tensor self) -> Tensor` */
export function exp(self: Tensor): Tensor {
  return wrap(native.call(id(18), self.slot));
}

/** `aten::log(Tensor self) -> Tensor` */
export function log(self: Tensor): Tensor {
  return wrap(native.call(id(19), self.slot));
}

/** `aten::log1p(Tensor self) -> Tensor` */
export function log1p(self: Tensor): Tensor {
  return wrap(native.call(id(20), self.slot));
}

/** `aten::expm1(Tensor self) -> Tensor` */
export function expm1(self: Tensor): Tensor {
  return wrap(native.call(id(21), self.slot));
}

/** `aten::sqrt(Tensor self) -> Tensor` */
export function sqrt(self: Tensor): Tensor {
  return wrap(native.call(id(22), self.slot));
}

/** `aten::rsqrt(Tensor self) -> Tensor` */
export function rsqrt(self: Tensor): Tensor {
  return wrap(native.call(id(23), self.slot));
}

/** `aten::reciprocal(Tensor self) -> Tensor` */
export function reciprocal(self: Tensor): Tensor {
  return wrap(native.call(id(24), self.slot));
}

/** `aten::sin(Tensor self) -> Tensor` */
export function sin(self: Tensor): Tensor {
  return wrap(native.call(id(25), self.slot));
}

/** `aten::cos(Tensor self) -> Tensor` */
export function cos(self: Tensor): Tensor {
  return wrap(native.call(id(26), self.slot));
}

/** `aten::tanh(Tensor self) -> Tensor` */
export function tanh(self: Tensor): Tensor {
  return wrap(native.call(id(27), self.slot));
}

/** `aten::sigmoid(Tensor self) -> Tensor` */
export function sigmoid(self: Tensor): Tensor {
  return wrap(native.call(id(28), self.slot));
}

/** `aten::silu(Tensor self) -> Tensor` */
export function silu(self: Tensor): Tensor {
  return wrap(native.call(id(29), self.slot));
}

/** `aten::gelu(Tensor self, *, str approximate="none") -> Tensor` */
export function gelu(self: Tensor, options: { approximate?: string | undefined } = {}): Tensor {
  return wrap(native.call(id(30), self.slot, options.approximate));
}

/** `aten::relu(Tensor self) -> Tensor` */
export function relu(self: Tensor): Tensor {
  return wrap(native.call(id(31), self.slot));
}

/** `aten::softplus(Tensor self, Scalar beta=1, Scalar threshold=20) -> Tensor` */
export function softplus(self: Tensor, beta?: Scalar | undefined, threshold?: Scalar | undefined): Tensor {
  return wrap(native.call(id(32), self.slot, beta, threshold));
}

/** `aten::erf(Tensor self) -> Tensor` */
export function erf(self: Tensor): Tensor {
  return wrap(native.call(id(33), self.slot));
}

/** `aten::floor(Tensor self) -> Tensor` */
export function floor(self: Tensor): Tensor {
  return wrap(native.call(id(34), self.slot));
}

/** `aten::ceil(Tensor self) -> Tensor` */
export function ceil(self: Tensor): Tensor {
  return wrap(native.call(id(35), self.slot));
}

/** `aten::round(Tensor self) -> Tensor` */
export function round(self: Tensor): Tensor {
  return wrap(native.call(id(36), self.slot));
}

/** `aten::sign(Tensor self) -> Tensor` */
export function sign(self: Tensor): Tensor {
  return wrap(native.call(id(37), self.slot));
}

/** `aten::square(Tensor self) -> Tensor` */
export function square(self: Tensor): Tensor {
  return wrap(native.call(id(38), self.slot));
}

/** `aten::clamp(Tensor self, Scalar? min=None, Scalar? max=None) -> Tensor` */
export function clamp(self: Tensor, min?: number | undefined, max?: number | undefined): Tensor {
  return wrap(native.call(id(39), self.slot, min, max));
}

/** `aten::isfinite(Tensor self) -> Tensor` */
export function isfinite(self: Tensor): Tensor {
  return wrap(native.call(id(40), self.slot));
}

/** `aten::isnan(Tensor self) -> Tensor` */
export function isnan(self: Tensor): Tensor {
  return wrap(native.call(id(41), self.slot));
}

/** `aten::isinf(Tensor self) -> Tensor` */
export function isinf(self: Tensor): Tensor {
  return wrap(native.call(id(42), self.slot));
}

/** `aten::logical_and(Tensor self, Tensor other) -> Tensor` */
export function logicalAnd(self: Tensor, other: Tensor): Tensor {
  return wrap(native.call(id(43), self.slot, other.slot));
}

/** `aten::logical_or(Tensor self, Tensor other) -> Tensor` */
export function logicalOr(self: Tensor, other: Tensor): Tensor {
  return wrap(native.call(id(44), self.slot, other.slot));
}

/** `aten::logical_not(Tensor self) -> Tensor` */
export function logicalNot(self: Tensor): Tensor {
  return wrap(native.call(id(45), self.slot));
}

/** `aten::logical_xor(Tensor self, Tensor other) -> Tensor` */
export function logicalXor(self: Tensor, other: Tensor): Tensor {
  return wrap(native.call(id(46), self.slot, other.slot));
}

/** `aten::bitwise_and.Tensor(Tensor self, Tensor other) -> Tensor` */
export function bitwiseAnd(self: Tensor, other: Tensor | Scalar): Tensor {
  if (other instanceof Tensor) {
    return wrap(native.call(id(47), self.slot, other.slot));
  }
  return wrap(native.call(id(48), self.slot, other as Scalar));
}

/** `aten::bitwise_or.Tensor(Tensor self, Tensor other) -> Tensor` */
export function bitwiseOr(self: Tensor, other: Tensor | Scalar): Tensor {
  if (other instanceof Tensor) {
    return wrap(native.call(id(49), self.slot, other.slot));
  }
  return wrap(native.call(id(50), self.slot, other as Scalar));
}

/** `aten::eq.Tensor(Tensor self, Tensor other) -> Tensor` */
export function eq(self: Tensor, other: Tensor | Scalar): Tensor {
  if (other instanceof Tensor) {
    return wrap(native.call(id(51), self.slot, other.slot));
  }
  return wrap(native.call(id(52), self.slot, other as Scalar));
}

/** `aten::ne.Tensor(Tensor self, Tensor other) -> Tensor` */
export function ne(self: Tensor, other: Tensor | Scalar): Tensor {
  if (other instanceof Tensor) {
    return wrap(native.call(id(53), self.slot, other.slot));
  }
  return wrap(native.call(id(54), self.slot, other as Scalar));
}

/** `aten::lt.Tensor(Tensor self, Tensor other) -> Tensor` */
export function lt(self: Tensor, other: Tensor | Scalar): Tensor {
  if (other instanceof Tensor) {
    return wrap(native.call(id(55), self.slot, other.slot));
  }
  return wrap(native.call(id(56), self.slot, other as Scalar));
}

/** `aten::le.Tensor(Tensor self, Tensor other) -> Tensor` */
export function le(self: Tensor, other: Tensor | Scalar): Tensor {
  if (other instanceof Tensor) {
    return wrap(native.call(id(57), self.slot, other.slot));
  }
  return wrap(native.call(id(58), self.slot, other as Scalar));
}

/** `aten::gt.Tensor(Tensor self, Tensor other) -> Tensor` */
export function gt(self: Tensor, other: Tensor | Scalar): Tensor {
  if (other instanceof Tensor) {
    return wrap(native.call(id(59), self.slot, other.slot));
  }
  return wrap(native.call(id(60), self.slot, other as Scalar));
}

/** `aten::ge.Tensor(Tensor self, Tensor other) -> Tensor` */
export function ge(self: Tensor, other: Tensor | Scalar): Tensor {
  if (other instanceof Tensor) {
    return wrap(native.call(id(61), self.slot, other.slot));
  }
  return wrap(native.call(id(62), self.slot, other as Scalar));
}

/** `aten::where.self(Tensor condition, Tensor self, Tensor other) -> Tensor` */
export function where(condition: Tensor, self: Tensor, other: Tensor): Tensor {
  return wrap(native.call(id(63), condition.slot, self.slot, other.slot));
}

/** `aten::masked_fill.Tensor(Tensor self, Tensor mask, Tensor value) -> Tensor` */
export function maskedFill(self: Tensor, mask: Tensor, value: Tensor | Scalar): Tensor {
  if (value instanceof Tensor) {
    return wrap(native.call(id(64), self.slot, mask.slot, value.slot));
  }
  return wrap(native.call(id(65), self.slot, mask.slot, value as Scalar));
}

/** `aten::lerp.Tensor(Tensor self, Tensor end, Tensor weight) -> Tensor` */
export function lerp(self: Tensor, end: Tensor, weight: Tensor | Scalar): Tensor {
  if (weight instanceof Tensor) {
    return wrap(native.call(id(66), self.slot, end.slot, weight.slot));
  }
  return wrap(native.call(id(67), self.slot, end.slot, weight as Scalar));
}

/** `aten::addcmul(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor` */
export function addcmul(
  self: Tensor,
  tensor1: Tensor,
  tensor2: Tensor,
  options: { value?: Scalar | undefined } = {},
): Tensor {
  return wrap(native.call(id(68), self.slot, tensor1.slot, tensor2.slot, options.value));
}

/** `aten::addcdiv(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor` */
export function addcdiv(
  self: Tensor,
  tensor1: Tensor,
  tensor2: Tensor,
  options: { value?: Scalar | undefined } = {},
): Tensor {
  return wrap(native.call(id(69), self.slot, tensor1.slot, tensor2.slot, options.value));
}

/** `aten::nan_to_num(Tensor self, float? nan=None, float? posinf=None, float? neginf=None) -> Tensor` */
export function nanToNum(
  self: Tensor,
  nan?: number | undefined,
  posinf?: number | undefined,
  neginf?: number | undefined,
): Tensor {
  return wrap(native.call(id(70), self.slot, nan, posinf, neginf));
}

/** `aten::add_.Tensor(Tensor(a!) self, Tensor other, *, Scalar alpha=1) -> Tensor(a!)` */
export function add_(self: Tensor, other: Tensor | Scalar, options: { alpha?: Scalar | undefined } = {}): Tensor {
  if (other instanceof Tensor) {
    native.callInPlace(id(71), self.slot, other.slot, options.alpha);
    return self;
  }
  native.callInPlace(id(72), self.slot, other as Scalar, options.alpha);
  return self;
}

/** `aten::sub_.Tensor(Tensor(a!) self, Tensor other, *, Scalar alpha=1) -> Tensor(a!)` */
export function sub_(self: Tensor, other: Tensor | Scalar, options: { alpha?: Scalar | undefined } = {}): Tensor {
  if (other instanceof Tensor) {
    native.callInPlace(id(73), self.slot, other.slot, options.alpha);
    return self;
  }
  native.callInPlace(id(74), self.slot, other as Scalar, options.alpha);
  return self;
}

/** `aten::mul_.Tensor(Tensor(a!) self, Tensor other) -> Tensor(a!)` */
export function mul_(self: Tensor, other: Tensor | Scalar): Tensor {
  if (other instanceof Tensor) {
    native.callInPlace(id(75), self.slot, other.slot);
    return self;
  }
  native.callInPlace(id(76), self.slot, other as Scalar);
  return self;
}

/** `aten::div_.Tensor(Tensor(a!) self, Tensor other) -> Tensor(a!)` */
export function div_(self: Tensor, other: Tensor | Scalar): Tensor {
  if (other instanceof Tensor) {
    native.callInPlace(id(77), self.slot, other.slot);
    return self;
  }
  native.callInPlace(id(78), self.slot, other as Scalar);
  return self;
}

/** `aten::pow_.Tensor(Tensor(a!) self, Tensor exponent) -> Tensor(a!)` */
export function pow_(self: Tensor, exponent: Tensor | Scalar): Tensor {
  if (exponent instanceof Tensor) {
    native.callInPlace(id(79), self.slot, exponent.slot);
    return self;
  }
  native.callInPlace(id(80), self.slot, exponent as Scalar);
  return self;
}

/** `aten::neg_(Tensor(a!) self) -> Tensor(a!)` */
export function neg_(self: Tensor): Tensor {
  native.callInPlace(id(81), self.slot);
  return self;
}

/** `aten::exp_(Tensor(a!) self) -> Tensor(a!)` */
export function exp_(self: Tensor): Tensor {
  native.callInPlace(id(82), self.slot);
  return self;
}

/** `aten::sqrt_(Tensor(a!) self) -> Tensor(a!)` */
export function sqrt_(self: Tensor): Tensor {
  native.callInPlace(id(83), self.slot);
  return self;
}

/** `aten::rsqrt_(Tensor(a!) self) -> Tensor(a!)` */
export function rsqrt_(self: Tensor): Tensor {
  native.callInPlace(id(84), self.slot);
  return self;
}

/** `aten::cos_(Tensor(a!) self) -> Tensor(a!)` */
export function cos_(self: Tensor): Tensor {
  native.callInPlace(id(85), self.slot);
  return self;
}

/** `aten::sin_(Tensor(a!) self) -> Tensor(a!)` */
export function sin_(self: Tensor): Tensor {
  native.callInPlace(id(86), self.slot);
  return self;
}

/** `aten::silu_(Tensor(a!) self) -> Tensor(a!)` */
export function silu_(self: Tensor): Tensor {
  native.callInPlace(id(87), self.slot);
  return self;
}

/** `aten::gelu_(Tensor(a!) self, *, str approximate="none") -> Tensor(a!)` */
export function gelu_(self: Tensor, options: { approximate?: string | undefined } = {}): Tensor {
  native.callInPlace(id(88), self.slot, options.approximate);
  return self;
}

/** `aten::sigmoid_(Tensor(a!) self) -> Tensor(a!)` */
export function sigmoid_(self: Tensor): Tensor {
  native.callInPlace(id(89), self.slot);
  return self;
}

/** `aten::tanh_(Tensor(a!) self) -> Tensor(a!)` */
export function tanh_(self: Tensor): Tensor {
  native.callInPlace(id(90), self.slot);
  return self;
}

/** `aten::relu_(Tensor(a!) self) -> Tensor(a!)` */
export function relu_(self: Tensor): Tensor {
  native.callInPlace(id(91), self.slot);
  return self;
}

/** `aten::clamp_(Tensor(a!) self, Scalar? min=None, Scalar? max=None) -> Tensor(a!)` */
export function clamp_(self: Tensor, min?: Scalar | undefined, max?: Scalar | undefined): Tensor {
  native.callInPlace(id(92), self.slot, min, max);
  return self;
}

/** `aten::addcmul_(Tensor(a!) self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor(a!)` */
export function addcmul_(
  self: Tensor,
  tensor1: Tensor,
  tensor2: Tensor,
  options: { value?: Scalar | undefined } = {},
): Tensor {
  native.callInPlace(id(93), self.slot, tensor1.slot, tensor2.slot, options.value);
  return self;
}

/** `aten::addcdiv_(Tensor(a!) self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor(a!)` */
export function addcdiv_(
  self: Tensor,
  tensor1: Tensor,
  tensor2: Tensor,
  options: { value?: Scalar | undefined } = {},
): Tensor {
  native.callInPlace(id(94), self.slot, tensor1.slot, tensor2.slot, options.value);
  return self;
}

/** `aten::lerp_.Tensor(Tensor(a!) self, Tensor end, Tensor weight) -> Tensor(a!)` */
export function lerp_(self: Tensor, end: Tensor, weight: Tensor | Scalar): Tensor {
  if (weight instanceof Tensor) {
    native.callInPlace(id(95), self.slot, end.slot, weight.slot);
    return self;
  }
  native.callInPlace(id(96), self.slot, end.slot, weight as Scalar);
  return self;
}

/** `aten::masked_fill_.Tensor(Tensor(a!) self, Tensor mask, Tensor value) -> Tensor(a!)` */
export function maskedFill_(self: Tensor, mask: Tensor, value: Tensor | Scalar): Tensor {
  if (value instanceof Tensor) {
    native.callInPlace(id(97), self.slot, mask.slot, value.slot);
    return self;
  }
  native.callInPlace(id(98), self.slot, mask.slot, value as Scalar);
  return self;
}

/** `aten::index_copy_(Tensor(a!) self, int dim, Tensor index, Tensor source) -> Tensor(a!)` */
export function indexCopy_(self: Tensor, dim: number, index: Tensor, source: Tensor): Tensor {
  native.callInPlace(id(99), self.slot, dim, index.slot, source.slot);
  return self;
}

/** `aten::index_add_(Tensor(a!) self, int dim, Tensor index, Tensor source, *, Scalar alpha=1) -> Tensor(a!)` */
export function indexAdd_(
  self: Tensor,
  dim: number,
  index: Tensor,
  source: Tensor,
  options: { alpha?: Scalar | undefined } = {},
): Tensor {
  native.callInPlace(id(100), self.slot, dim, index.slot, source.slot, options.alpha);
  return self;
}

/** `aten::index_fill_.int_Tensor(Tensor(a!) self, int dim, Tensor index, Tensor value) -> Tensor(a!)` */
export function indexFill_(self: Tensor, dim: number, index: Tensor, value: Tensor | Scalar): Tensor {
  if (value instanceof Tensor) {
    native.callInPlace(id(101), self.slot, dim, index.slot, value.slot);
    return self;
  }
  native.callInPlace(id(102), self.slot, dim, index.slot, value as Scalar);
  return self;
}

/** `aten::index_put_(Tensor(a!) self, Tensor?[] indices, Tensor values, bool accumulate=False) -> Tensor(a!)` */
export function indexPut_(
  self: Tensor,
  indices: readonly (Tensor | undefined)[],
  values: Tensor,
  accumulate?: boolean | undefined,
): Tensor {
  native.callInPlace(id(103), self.slot, optionalSlots(indices), values.slot, accumulate);
  return self;
}

/** `aten::scatter_.src(Tensor(a!) self, int dim, Tensor index, Tensor src) -> Tensor(a!)` */
export function scatter_(self: Tensor, dim: number, index: Tensor, src: Tensor | Scalar): Tensor {
  if (src instanceof Tensor) {
    native.callInPlace(id(104), self.slot, dim, index.slot, src.slot);
    return self;
  }
  native.callInPlace(id(105), self.slot, dim, index.slot, src as Scalar);
  return self;
}

/** `aten::scatter_add_(Tensor(a!) self, int dim, Tensor index, Tensor src) -> Tensor(a!)` */
export function scatterAdd_(self: Tensor, dim: number, index: Tensor, src: Tensor): Tensor {
  native.callInPlace(id(106), self.slot, dim, index.slot, src.slot);
  return self;
}

/** `aten::copy_(Tensor(a!) self, Tensor src, bool non_blocking=False) -> Tensor(a!)` */
export function copy_(self: Tensor, src: Tensor): Tensor {
  native.callInPlace(id(107), self.slot, src.slot);
  return self;
}

/** `aten::zero_(Tensor(a!) self) -> Tensor(a!)` */
export function zero_(self: Tensor): Tensor {
  native.callInPlace(id(108), self.slot);
  return self;
}

/** `aten::fill_.Tensor(Tensor(a!) self, Tensor value) -> Tensor(a!)` */
export function fill_(self: Tensor, value: Tensor | Scalar): Tensor {
  if (value instanceof Tensor) {
    native.callInPlace(id(109), self.slot, value.slot);
    return self;
  }
  native.callInPlace(id(110), self.slot, value as Scalar);
  return self;
}

/** `aten::logical_and_(Tensor(a!) self, Tensor other) -> Tensor(a!)` */
export function logicalAnd_(self: Tensor, other: Tensor): Tensor {
  native.callInPlace(id(111), self.slot, other.slot);
  return self;
}

/** `aten::logical_or_(Tensor(a!) self, Tensor other) -> Tensor(a!)` */
export function logicalOr_(self: Tensor, other: Tensor): Tensor {
  native.callInPlace(id(112), self.slot, other.slot);
  return self;
}

/** `aten::uniform_(Tensor(a!) self, float from=0., float to=1., *, Generator? generator=None) -> Tensor(a!)` */
export function uniform_(
  self: Tensor,
  from: number | undefined,
  to: number | undefined,
  options: { generator: Generator },
): Tensor {
  native.callInPlace(id(113), self.slot, from, to, options.generator.id);
  return self;
}

/** `aten::normal_(Tensor(a!) self, float mean=0., float std=1., *, Generator? generator=None) -> Tensor(a!)` */
export function normal_(
  self: Tensor,
  mean: number | undefined,
  std: number | undefined,
  options: { generator: Generator },
): Tensor {
  native.callInPlace(id(114), self.slot, mean, std, options.generator.id);
  return self;
}

/** `aten::bernoulli_.float(Tensor(a!) self, float p=0.5, *, Generator? generator=None) -> Tensor(a!)` */
export function bernoulli_(self: Tensor, p: number | undefined, options: { generator: Generator }): Tensor {
  native.callInPlace(id(115), self.slot, p, options.generator.id);
  return self;
}

/** `aten::exponential_(Tensor(a!) self, float lambd=1., *, Generator? generator=None) -> Tensor(a!)` */
export function exponential_(self: Tensor, lambd: number | undefined, options: { generator: Generator }): Tensor {
  native.callInPlace(id(116), self.slot, lambd, options.generator.id);
  return self;
}

/** `aten::log_(Tensor(a!) self) -> Tensor(a!)` */
export function log_(self: Tensor): Tensor {
  native.callInPlace(id(117), self.slot);
  return self;
}

/** `aten::sum.dim_IntList(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor` */
export function sum(
  self: Tensor,
  dim?: number | readonly number[] | undefined,
  keepdim?: boolean | undefined,
  options: { dtype?: DType | undefined } = {},
): Tensor {
  return wrap(native.call(id(118), self.slot, dim, keepdim, dtypeCode(options.dtype)));
}

/** `aten::mean.dim(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor` */
export function mean(
  self: Tensor,
  dim?: number | readonly number[] | undefined,
  keepdim?: boolean | undefined,
  options: { dtype?: DType | undefined } = {},
): Tensor {
  return wrap(native.call(id(119), self.slot, dim, keepdim, dtypeCode(options.dtype)));
}

/** `aten::prod.dim_int(Tensor self, int dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor` */
export function prod(
  self: Tensor,
  dim: number,
  keepdim?: boolean | undefined,
  options: { dtype?: DType | undefined } = {},
): Tensor {
  return wrap(native.call(id(120), self.slot, dim, keepdim, dtypeCode(options.dtype)));
}

/** `aten::amax(Tensor self, int[1] dim=[], bool keepdim=False) -> Tensor` */
export function amax(
  self: Tensor,
  dim?: number | readonly number[] | undefined,
  keepdim?: boolean | undefined,
): Tensor {
  return wrap(native.call(id(121), self.slot, dim, keepdim));
}

/** `aten::amin(Tensor self, int[1] dim=[], bool keepdim=False) -> Tensor` */
export function amin(
  self: Tensor,
  dim?: number | readonly number[] | undefined,
  keepdim?: boolean | undefined,
): Tensor {
  return wrap(native.call(id(122), self.slot, dim, keepdim));
}

/** `aten::argmax(Tensor self, int? dim=None, bool keepdim=False) -> Tensor` */
export function argmax(self: Tensor, dim?: number | undefined, keepdim?: boolean | undefined): Tensor {
  return wrap(native.call(id(123), self.slot, dim, keepdim));
}

/** `aten::argmin(Tensor self, int? dim=None, bool keepdim=False) -> Tensor` */
export function argmin(self: Tensor, dim?: number | undefined, keepdim?: boolean | undefined): Tensor {
  return wrap(native.call(id(124), self.slot, dim, keepdim));
}

/** `aten::max.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)` */
export function maxDim(self: Tensor, dim: number, keepdim?: boolean | undefined): [Tensor, Tensor] {
  return many(native.call(id(125), self.slot, dim, keepdim)) as [Tensor, Tensor];
}

/** `aten::min.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)` */
export function minDim(self: Tensor, dim: number, keepdim?: boolean | undefined): [Tensor, Tensor] {
  return many(native.call(id(126), self.slot, dim, keepdim)) as [Tensor, Tensor];
}

/** `aten::all.dims(Tensor self, int[]? dim=None, bool keepdim=False) -> Tensor` */
export function all(self: Tensor, dim?: readonly number[] | undefined, keepdim?: boolean | undefined): Tensor {
  return wrap(native.call(id(127), self.slot, dim, keepdim));
}

/** `aten::any.dims(Tensor self, int[]? dim=None, bool keepdim=False) -> Tensor` */
export function any(self: Tensor, dim?: readonly number[] | undefined, keepdim?: boolean | undefined): Tensor {
  return wrap(native.call(id(128), self.slot, dim, keepdim));
}

/** `aten::var.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool keepdim=False) -> Tensor` */
export function variance(
  self: Tensor,
  dim?: number | readonly number[] | undefined,
  options: { correction?: Scalar | undefined; keepdim?: boolean | undefined } = {},
): Tensor {
  return wrap(native.call(id(129), self.slot, dim, options.correction, options.keepdim));
}

/** `aten::std.correction(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool keepdim=False) -> Tensor` */
export function std(
  self: Tensor,
  dim?: number | readonly number[] | undefined,
  options: { correction?: Scalar | undefined; keepdim?: boolean | undefined } = {},
): Tensor {
  return wrap(native.call(id(130), self.slot, dim, options.correction, options.keepdim));
}

/** `aten::linalg_vector_norm(Tensor self, Scalar ord=2, int[1]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor` */
export function linalgVectorNorm(
  self: Tensor,
  ord?: Scalar | undefined,
  dim?: number | readonly number[] | undefined,
  keepdim?: boolean | undefined,
  options: { dtype?: DType | undefined } = {},
): Tensor {
  return wrap(native.call(id(131), self.slot, ord, dim, keepdim, dtypeCode(options.dtype)));
}

/** `aten::logsumexp(Tensor self, int[1] dim, bool keepdim=False) -> Tensor` */
export function logsumexp(self: Tensor, dim: number | readonly number[], keepdim?: boolean | undefined): Tensor {
  return wrap(native.call(id(132), self.slot, dim, keepdim));
}

/** `aten::cumsum(Tensor self, int dim, *, ScalarType? dtype=None) -> Tensor` */
export function cumsum(self: Tensor, dim: number, options: { dtype?: DType | undefined } = {}): Tensor {
  return wrap(native.call(id(133), self.slot, dim, dtypeCode(options.dtype)));
}

/** `aten::cumprod(Tensor self, int dim, *, ScalarType? dtype=None) -> Tensor` */
export function cumprod(self: Tensor, dim: number, options: { dtype?: DType | undefined } = {}): Tensor {
  return wrap(native.call(id(134), self.slot, dim, dtypeCode(options.dtype)));
}

/** `aten::count_nonzero.dim_IntList(Tensor self, int[] dim) -> Tensor` */
export function countNonzero(self: Tensor, dim: readonly number[]): Tensor {
  return wrap(native.call(id(135), self.slot, dim));
}

/** `aten::view(Tensor(a) self, SymInt[] size) -> Tensor(a)` */
export function view(self: Tensor, size: readonly number[]): Tensor {
  return wrap(native.call(id(136), self.slot, size));
}

/** `aten::view.dtype(Tensor(a) self, ScalarType dtype) -> Tensor(a)` */
export function viewDtype(self: Tensor, dtype: DType): Tensor {
  return wrap(native.call(id(137), self.slot, dtypeCode(dtype)));
}

/** `aten::reshape(Tensor(a) self, SymInt[] shape) -> Tensor(a)` */
export function reshape(self: Tensor, shape: readonly number[]): Tensor {
  return wrap(native.call(id(138), self.slot, shape));
}

/** `aten::flatten.using_ints(Tensor(a) self, int start_dim=0, int end_dim=-1) -> Tensor(a)` */
export function flatten(self: Tensor, startDim?: number | undefined, endDim?: number | undefined): Tensor {
  return wrap(native.call(id(139), self.slot, startDim, endDim));
}

/** `aten::unflatten.int(Tensor(a) self, int dim, SymInt[] sizes) -> Tensor(a)` */
export function unflatten(self: Tensor, dim: number, sizes: readonly number[]): Tensor {
  return wrap(native.call(id(140), self.slot, dim, sizes));
}

/** `aten::permute(Tensor(a) self, int[] dims) -> Tensor(a)` */
export function permute(self: Tensor, dims: readonly number[]): Tensor {
  return wrap(native.call(id(141), self.slot, dims));
}

/** `aten::transpose.int(Tensor(a) self, int dim0, int dim1) -> Tensor(a)` */
export function transpose(self: Tensor, dim0: number, dim1: number): Tensor {
  return wrap(native.call(id(142), self.slot, dim0, dim1));
}

/** `aten::t(Tensor(a) self) -> Tensor(a)` */
export function t(self: Tensor): Tensor {
  return wrap(native.call(id(143), self.slot));
}

/** `aten::expand(Tensor(a) self, SymInt[] size, *, bool implicit=False) -> Tensor(a)` */
export function expand(
  self: Tensor,
  size: readonly number[],
  options: { implicit?: boolean | undefined } = {},
): Tensor {
  return wrap(native.call(id(144), self.slot, size, options.implicit));
}

/** `aten::expand_as(Tensor(a) self, Tensor other) -> Tensor(a)` */
export function expandAs(self: Tensor, other: Tensor): Tensor {
  return wrap(native.call(id(145), self.slot, other.slot));
}

/** `aten::repeat(Tensor self, SymInt[] repeats) -> Tensor` */
export function repeat(self: Tensor, repeats: readonly number[]): Tensor {
  return wrap(native.call(id(146), self.slot, repeats));
}

/** `aten::repeat_interleave.self_int(Tensor self, SymInt repeats, int? dim=None, *, SymInt? output_size=None) -> Tensor` */
export function repeatInterleave(
  self: Tensor,
  repeats: number,
  dim?: number | undefined,
  options: { outputSize?: number | undefined } = {},
): Tensor {
  return wrap(native.call(id(147), self.slot, repeats, dim, options.outputSize));
}

/** `aten::unsqueeze(Tensor(a) self, int dim) -> Tensor(a)` */
export function unsqueeze(self: Tensor, dim: number): Tensor {
  return wrap(native.call(id(148), self.slot, dim));
}

/** `aten::squeeze(Tensor(a) self) -> Tensor(a)` */
export function squeeze(self: Tensor): Tensor {
  return wrap(native.call(id(149), self.slot));
}

/** `aten::squeeze.dim(Tensor(a) self, int dim) -> Tensor(a)` */
export function squeezeDim(self: Tensor, dim: number): Tensor {
  return wrap(native.call(id(150), self.slot, dim));
}

/** `aten::narrow(Tensor(a) self, int dim, SymInt start, SymInt length) -> Tensor(a)` */
export function narrow(self: Tensor, dim: number, start: number, length: number): Tensor {
  return wrap(native.call(id(151), self.slot, dim, start, length));
}

/** `aten::select.int(Tensor(a) self, int dim, SymInt index) -> Tensor(a)` */
export function select(self: Tensor, dim: number, index: number): Tensor {
  return wrap(native.call(id(152), self.slot, dim, index));
}

/** `aten::slice.Tensor(Tensor(a) self, int dim=0, SymInt? start=None, SymInt? end=None, SymInt step=1) -> Tensor(a)` */
export function slice(
  self: Tensor,
  dim?: number | undefined,
  start?: number | undefined,
  end?: number | undefined,
  step?: number | undefined,
): Tensor {
  return wrap(native.call(id(153), self.slot, dim, start, end, step));
}

/** `aten::split.Tensor(Tensor(a -> *) self, SymInt split_size, int dim=0) -> Tensor(a)[]` */
export function split(self: Tensor, splitSize: number, dim?: number | undefined): Tensor[] {
  return many(native.call(id(154), self.slot, splitSize, dim));
}

/** `aten::split_with_sizes(Tensor(a -> *) self, SymInt[] split_sizes, int dim=0) -> Tensor(a)[]` */
export function splitWithSizes(self: Tensor, splitSizes: readonly number[], dim?: number | undefined): Tensor[] {
  return many(native.call(id(155), self.slot, splitSizes, dim));
}

/** `aten::chunk(Tensor(a -> *) self, int chunks, int dim=0) -> Tensor(a)[]` */
export function chunk(self: Tensor, chunks: number, dim?: number | undefined): Tensor[] {
  return many(native.call(id(156), self.slot, chunks, dim));
}

/** `aten::unbind.int(Tensor(a -> *) self, int dim=0) -> Tensor(a)[]` */
export function unbind(self: Tensor, dim?: number | undefined): Tensor[] {
  return many(native.call(id(157), self.slot, dim));
}

/** `aten::cat(Tensor[] tensors, int dim=0) -> Tensor` */
export function cat(tensors: readonly Tensor[], dim?: number | undefined): Tensor {
  return wrap(native.call(id(158), slots(tensors), dim));
}

/** `aten::stack(Tensor[] tensors, int dim=0) -> Tensor` */
export function stack(tensors: readonly Tensor[], dim?: number | undefined): Tensor {
  return wrap(native.call(id(159), slots(tensors), dim));
}

/** `aten::index_select(Tensor self, int dim, Tensor index) -> Tensor` */
export function indexSelect(self: Tensor, dim: number, index: Tensor): Tensor {
  return wrap(native.call(id(160), self.slot, dim, index.slot));
}

/** `aten::index.Tensor(Tensor self, Tensor?[] indices) -> Tensor` */
export function index(self: Tensor, indices: readonly (Tensor | undefined)[]): Tensor {
  return wrap(native.call(id(161), self.slot, optionalSlots(indices)));
}

/** `aten::gather(Tensor self, int dim, Tensor index, *, bool sparse_grad=False) -> Tensor` */
export function gather(
  self: Tensor,
  dim: number,
  index: Tensor,
  options: { sparseGrad?: boolean | undefined } = {},
): Tensor {
  return wrap(native.call(id(162), self.slot, dim, index.slot, options.sparseGrad));
}

/** `aten::masked_select(Tensor self, Tensor mask) -> Tensor` */
export function maskedSelect(self: Tensor, mask: Tensor): Tensor {
  return wrap(native.call(id(163), self.slot, mask.slot));
}

/** `aten::take_along_dim(Tensor self, Tensor indices, int? dim=None) -> Tensor` */
export function takeAlongDim(self: Tensor, indices: Tensor, dim?: number | undefined): Tensor {
  return wrap(native.call(id(164), self.slot, indices.slot, dim));
}

/** `aten::flip(Tensor self, int[] dims) -> Tensor` */
export function flip(self: Tensor, dims: readonly number[]): Tensor {
  return wrap(native.call(id(165), self.slot, dims));
}

/** `aten::roll(Tensor self, SymInt[1] shifts, int[1] dims=[]) -> Tensor` */
export function roll(
  self: Tensor,
  shifts: number | readonly number[],
  dims?: number | readonly number[] | undefined,
): Tensor {
  return wrap(native.call(id(166), self.slot, shifts, dims));
}

/** `aten::contiguous(Tensor(a) self, *, MemoryFormat memory_format=0) -> Tensor(a)` */
export function contiguous(self: Tensor, options: { memoryFormat?: MemoryFormat | undefined } = {}): Tensor {
  return wrap(native.call(id(167), self.slot, memoryFormatCode(options.memoryFormat)));
}

/** `aten::clone(Tensor self, *, MemoryFormat? memory_format=None) -> Tensor` */
export function clone(self: Tensor, options: { memoryFormat?: MemoryFormat | undefined } = {}): Tensor {
  return wrap(native.call(id(168), self.slot, memoryFormatCode(options.memoryFormat)));
}

/** `aten::detach(Tensor(a) self) -> Tensor(a)` */
export function detach(self: Tensor): Tensor {
  return wrap(native.call(id(169), self.slot));
}

/** `aten::to.dtype_layout(Tensor(a) self, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, bool non_blocking=False, bool copy=False, MemoryFormat? memory_format=None) -> Tensor(a)` */
export function to(
  self: Tensor,
  options: {
    dtype?: DType | undefined;
    device?: Device | undefined;
    copy?: boolean | undefined;
    memoryFormat?: MemoryFormat | undefined;
  } = {},
): Tensor {
  return wrap(
    native.call(
      id(170),
      self.slot,
      dtypeCode(options.dtype),
      undefined,
      usableDevice(options.device),
      undefined,
      undefined,
      options.copy,
      memoryFormatCode(options.memoryFormat),
    ),
  );
}

/** `aten::as_strided(Tensor(a) self, SymInt[] size, SymInt[] stride, SymInt? storage_offset=None) -> Tensor(a)` */
export function asStrided(
  self: Tensor,
  size: readonly number[],
  stride: readonly number[],
  storageOffset?: number | undefined,
): Tensor {
  return wrap(native.call(id(171), self.slot, size, stride, storageOffset));
}

/** `aten::constant_pad_nd(Tensor self, SymInt[] pad, Scalar value=0) -> Tensor` */
export function constantPadNd(self: Tensor, pad: readonly number[], value?: Scalar | undefined): Tensor {
  return wrap(native.call(id(172), self.slot, pad, value));
}

/** `aten::triu(Tensor self, SymInt diagonal=0) -> Tensor` */
export function triu(self: Tensor, diagonal?: number | undefined): Tensor {
  return wrap(native.call(id(173), self.slot, diagonal));
}

/** `aten::tril(Tensor self, SymInt diagonal=0) -> Tensor` */
export function tril(self: Tensor, diagonal?: number | undefined): Tensor {
  return wrap(native.call(id(174), self.slot, diagonal));
}

/** `aten::diagonal(Tensor(a) self, int offset=0, int dim1=0, int dim2=1) -> Tensor(a)` */
export function diagonal(
  self: Tensor,
  offset?: number | undefined,
  dim1?: number | undefined,
  dim2?: number | undefined,
): Tensor {
  return wrap(native.call(id(175), self.slot, offset, dim1, dim2));
}

/** `aten::movedim.int(Tensor(a) self, int source, int destination) -> Tensor(a)` */
export function movedim(self: Tensor, source: number, destination: number): Tensor {
  return wrap(native.call(id(176), self.slot, source, destination));
}

/** `aten::tile(Tensor self, SymInt[] dims) -> Tensor` */
export function tile(self: Tensor, dims: readonly number[]): Tensor {
  return wrap(native.call(id(177), self.slot, dims));
}

/** `aten::nonzero(Tensor self) -> Tensor` */
export function nonzero(self: Tensor): Tensor {
  return wrap(native.call(id(178), self.slot));
}

/** `aten::unique_dim(Tensor self, int dim, bool sorted=True, bool return_inverse=False, bool return_counts=False) -> (Tensor, Tensor, Tensor)` */
export function uniqueDim(
  self: Tensor,
  dim: number,
  sorted?: boolean | undefined,
  returnInverse?: boolean | undefined,
  returnCounts?: boolean | undefined,
): [Tensor, Tensor, Tensor] {
  return many(native.call(id(179), self.slot, dim, sorted, returnInverse, returnCounts)) as [Tensor, Tensor, Tensor];
}

/** `aten::bincount(Tensor self, Tensor? weights=None, SymInt minlength=0) -> Tensor` */
export function bincount(self: Tensor, weights?: Tensor | undefined, minlength?: number | undefined): Tensor {
  return wrap(native.call(id(180), self.slot, weights?.slot, minlength));
}

/** `aten::mm(Tensor self, Tensor mat2) -> Tensor` */
export function mm(self: Tensor, mat2: Tensor): Tensor {
  return wrap(native.call(id(181), self.slot, mat2.slot));
}

/** `aten::bmm(Tensor self, Tensor mat2) -> Tensor` */
export function bmm(self: Tensor, mat2: Tensor): Tensor {
  return wrap(native.call(id(182), self.slot, mat2.slot));
}

/** `aten::addmm(Tensor self, Tensor mat1, Tensor mat2, *, Scalar beta=1, Scalar alpha=1) -> Tensor` */
export function addmm(
  self: Tensor,
  mat1: Tensor,
  mat2: Tensor,
  options: { beta?: Scalar | undefined; alpha?: Scalar | undefined } = {},
): Tensor {
  return wrap(native.call(id(183), self.slot, mat1.slot, mat2.slot, options.beta, options.alpha));
}

/** `aten::baddbmm(Tensor self, Tensor batch1, Tensor batch2, *, Scalar beta=1, Scalar alpha=1) -> Tensor` */
export function baddbmm(
  self: Tensor,
  batch1: Tensor,
  batch2: Tensor,
  options: { beta?: Scalar | undefined; alpha?: Scalar | undefined } = {},
): Tensor {
  return wrap(native.call(id(184), self.slot, batch1.slot, batch2.slot, options.beta, options.alpha));
}

/** `aten::matmul(Tensor self, Tensor other) -> Tensor` */
export function matmul(self: Tensor, other: Tensor): Tensor {
  return wrap(native.call(id(185), self.slot, other.slot));
}

/** `aten::linear(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor` */
export function linear(input: Tensor, weight: Tensor, bias?: Tensor | undefined): Tensor {
  return wrap(native.call(id(186), input.slot, weight.slot, bias?.slot));
}

/** `aten::dot(Tensor self, Tensor tensor) -> Tensor` */
export function dot(self: Tensor, tensor: Tensor): Tensor {
  return wrap(native.call(id(187), self.slot, tensor.slot));
}

/** `aten::outer(Tensor self, Tensor vec2) -> Tensor` */
export function outer(self: Tensor, vec2: Tensor): Tensor {
  return wrap(native.call(id(188), self.slot, vec2.slot));
}

/** `aten::einsum(str equation, Tensor[] tensors, *, int[]? path=None) -> Tensor` */
export function einsum(
  equation: string,
  tensors: readonly Tensor[],
  options: { path?: readonly number[] | undefined } = {},
): Tensor {
  return wrap(native.call(id(189), equation, slots(tensors), options.path));
}

/** `aten::embedding(Tensor weight, Tensor indices, SymInt padding_idx=-1, bool scale_grad_by_freq=False, bool sparse=False) -> Tensor` */
export function embedding(
  weight: Tensor,
  indices: Tensor,
  paddingIdx?: number | undefined,
  scaleGradByFreq?: boolean | undefined,
  sparse?: boolean | undefined,
): Tensor {
  return wrap(native.call(id(190), weight.slot, indices.slot, paddingIdx, scaleGradByFreq, sparse));
}

/** `aten::layer_norm(Tensor input, SymInt[] normalized_shape, Tensor? weight=None, Tensor? bias=None, float eps=1.0000000000000001e-05, bool cudnn_enable=True) -> Tensor` */
export function layerNorm(
  input: Tensor,
  normalizedShape: readonly number[],
  weight?: Tensor | undefined,
  bias?: Tensor | undefined,
  eps?: number | undefined,
  cudnnEnable?: boolean | undefined,
): Tensor {
  return wrap(native.call(id(191), input.slot, normalizedShape, weight?.slot, bias?.slot, eps, cudnnEnable));
}

/** `aten::rms_norm(Tensor input, SymInt[] normalized_shape, Tensor? weight=None, float? eps=None) -> Tensor` */
export function rmsNorm(
  input: Tensor,
  normalizedShape: readonly number[],
  weight?: Tensor | undefined,
  eps?: number | undefined,
): Tensor {
  return wrap(native.call(id(192), input.slot, normalizedShape, weight?.slot, eps));
}

/** `aten::group_norm(Tensor input, int num_groups, Tensor? weight=None, Tensor? bias=None, float eps=1.0000000000000001e-05, bool cudnn_enabled=True) -> Tensor` */
export function groupNorm(
  input: Tensor,
  numGroups: number,
  weight?: Tensor | undefined,
  bias?: Tensor | undefined,
  eps?: number | undefined,
  cudnnEnabled?: boolean | undefined,
): Tensor {
  return wrap(native.call(id(193), input.slot, numGroups, weight?.slot, bias?.slot, eps, cudnnEnabled));
}

/** `aten::conv2d(Tensor input, Tensor weight, Tensor? bias=None, SymInt[2] stride=[1, 1], SymInt[2] padding=[0, 0], SymInt[2] dilation=[1, 1], SymInt groups=1) -> Tensor` */
export function conv2d(
  input: Tensor,
  weight: Tensor,
  bias?: Tensor | undefined,
  stride?: number | readonly number[] | undefined,
  padding?: number | readonly number[] | undefined,
  dilation?: number | readonly number[] | undefined,
  groups?: number | undefined,
): Tensor {
  return wrap(native.call(id(194), input.slot, weight.slot, bias?.slot, stride, padding, dilation, groups));
}

/** `aten::conv1d(Tensor input, Tensor weight, Tensor? bias=None, SymInt[1] stride=[1], SymInt[1] padding=[0], SymInt[1] dilation=[1], SymInt groups=1) -> Tensor` */
export function conv1d(
  input: Tensor,
  weight: Tensor,
  bias?: Tensor | undefined,
  stride?: number | readonly number[] | undefined,
  padding?: number | readonly number[] | undefined,
  dilation?: number | readonly number[] | undefined,
  groups?: number | undefined,
): Tensor {
  return wrap(native.call(id(195), input.slot, weight.slot, bias?.slot, stride, padding, dilation, groups));
}

/** `aten::avg_pool2d(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] padding=0, bool ceil_mode=False, bool count_include_pad=True, int? divisor_override=None) -> Tensor` */
export function avgPool2d(
  self: Tensor,
  kernelSize: number | readonly number[],
  stride?: number | readonly number[] | undefined,
  padding?: number | readonly number[] | undefined,
  ceilMode?: boolean | undefined,
  countIncludePad?: boolean | undefined,
  divisorOverride?: number | undefined,
): Tensor {
  return wrap(native.call(id(196), self.slot, kernelSize, stride, padding, ceilMode, countIncludePad, divisorOverride));
}

/** `aten::max_pool2d(Tensor self, int[2] kernel_size, int[2] stride=[], int[2] padding=0, int[2] dilation=1, bool ceil_mode=False) -> Tensor` */
export function maxPool2d(
  self: Tensor,
  kernelSize: number | readonly number[],
  stride?: number | readonly number[] | undefined,
  padding?: number | readonly number[] | undefined,
  dilation?: number | readonly number[] | undefined,
  ceilMode?: boolean | undefined,
): Tensor {
  return wrap(native.call(id(197), self.slot, kernelSize, stride, padding, dilation, ceilMode));
}

/** `aten::adaptive_avg_pool2d(Tensor self, SymInt[2] output_size) -> Tensor` */
export function adaptiveAvgPool2d(self: Tensor, outputSize: number | readonly number[]): Tensor {
  return wrap(native.call(id(198), self.slot, outputSize));
}

/** `aten::upsample_bilinear2d(Tensor self, SymInt[2] output_size, bool align_corners, float? scales_h=None, float? scales_w=None) -> Tensor` */
export function upsampleBilinear2d(
  self: Tensor,
  outputSize: number | readonly number[],
  alignCorners: boolean,
  scalesH?: number | undefined,
  scalesW?: number | undefined,
): Tensor {
  return wrap(native.call(id(199), self.slot, outputSize, alignCorners, scalesH, scalesW));
}

/** `aten::upsample_nearest2d(Tensor self, SymInt[2] output_size, float? scales_h=None, float? scales_w=None) -> Tensor` */
export function upsampleNearest2d(
  self: Tensor,
  outputSize: number | readonly number[],
  scalesH?: number | undefined,
  scalesW?: number | undefined,
): Tensor {
  return wrap(native.call(id(200), self.slot, outputSize, scalesH, scalesW));
}

/** `aten::upsample_bicubic2d(Tensor self, SymInt[2] output_size, bool align_corners, float? scales_h=None, float? scales_w=None) -> Tensor` */
export function upsampleBicubic2d(
  self: Tensor,
  outputSize: number | readonly number[],
  alignCorners: boolean,
  scalesH?: number | undefined,
  scalesW?: number | undefined,
): Tensor {
  return wrap(native.call(id(201), self.slot, outputSize, alignCorners, scalesH, scalesW));
}

/** `aten::softmax.int(Tensor self, int dim, ScalarType? dtype=None) -> Tensor` */
export function softmax(self: Tensor, dim: number, dtype?: DType | undefined): Tensor {
  return wrap(native.call(id(202), self.slot, dim, dtypeCode(dtype)));
}

/** `aten::log_softmax.int(Tensor self, int dim, ScalarType? dtype=None) -> Tensor` */
export function logSoftmax(self: Tensor, dim: number, dtype?: DType | undefined): Tensor {
  return wrap(native.call(id(203), self.slot, dim, dtypeCode(dtype)));
}

/** `aten::scaled_dot_product_attention(Tensor query, Tensor key, Tensor value, Tensor? attn_mask=None, float dropout_p=0., bool is_causal=False, *, float? scale=None, bool enable_gqa=False) -> Tensor` */
export function scaledDotProductAttention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  attnMask?: Tensor | undefined,
  dropoutP?: number | undefined,
  isCausal?: boolean | undefined,
  options: { scale?: number | undefined; enableGqa?: boolean | undefined } = {},
): Tensor {
  return wrap(
    native.call(
      id(204),
      query.slot,
      key.slot,
      value.slot,
      attnMask?.slot,
      dropoutP,
      isCausal,
      options.scale,
      options.enableGqa,
    ),
  );
}

/** `aten::cross_entropy_loss(Tensor self, Tensor target, Tensor? weight=None, int reduction=1, SymInt ignore_index=-100, float label_smoothing=0.) -> Tensor` */
export function crossEntropyLoss(
  self: Tensor,
  target: Tensor,
  weight?: Tensor | undefined,
  reduction?: number | undefined,
  ignoreIndex?: number | undefined,
  labelSmoothing?: number | undefined,
): Tensor {
  return wrap(native.call(id(205), self.slot, target.slot, weight?.slot, reduction, ignoreIndex, labelSmoothing));
}

/** `aten::nll_loss(Tensor self, Tensor target, Tensor? weight=None, int reduction=1, SymInt ignore_index=-100) -> Tensor` */
export function nllLoss(
  self: Tensor,
  target: Tensor,
  weight?: Tensor | undefined,
  reduction?: number | undefined,
  ignoreIndex?: number | undefined,
): Tensor {
  return wrap(native.call(id(206), self.slot, target.slot, weight?.slot, reduction, ignoreIndex));
}

/** `aten::mse_loss(Tensor self, Tensor target, int reduction=1) -> Tensor` */
export function mseLoss(self: Tensor, target: Tensor, reduction?: number | undefined): Tensor {
  return wrap(native.call(id(207), self.slot, target.slot, reduction));
}

/** `aten::l1_loss(Tensor self, Tensor target, int reduction=1) -> Tensor` */
export function l1Loss(self: Tensor, target: Tensor, reduction?: number | undefined): Tensor {
  return wrap(native.call(id(208), self.slot, target.slot, reduction));
}

/** `aten::binary_cross_entropy_with_logits(Tensor self, Tensor target, Tensor? weight=None, Tensor? pos_weight=None, int reduction=1) -> Tensor` */
export function binaryCrossEntropyWithLogits(
  self: Tensor,
  target: Tensor,
  weight?: Tensor | undefined,
  posWeight?: Tensor | undefined,
  reduction?: number | undefined,
): Tensor {
  return wrap(native.call(id(209), self.slot, target.slot, weight?.slot, posWeight?.slot, reduction));
}

/** `aten::one_hot(Tensor self, int num_classes=-1) -> Tensor` */
export function oneHot(self: Tensor, numClasses?: number | undefined): Tensor {
  return wrap(native.call(id(210), self.slot, numClasses));
}

/** `aten::glu(Tensor self, int dim=-1) -> Tensor` */
export function glu(self: Tensor, dim?: number | undefined): Tensor {
  return wrap(native.call(id(211), self.slot, dim));
}

/** `aten::topk(Tensor self, SymInt k, int dim=-1, bool largest=True, bool sorted=True) -> (Tensor values, Tensor indices)` */
export function topk(
  self: Tensor,
  k: number,
  dim?: number | undefined,
  largest?: boolean | undefined,
  sorted?: boolean | undefined,
): [Tensor, Tensor] {
  return many(native.call(id(212), self.slot, k, dim, largest, sorted)) as [Tensor, Tensor];
}

/** `aten::sort(Tensor self, int dim=-1, bool descending=False) -> (Tensor values, Tensor indices)` */
export function sort(self: Tensor, dim?: number | undefined, descending?: boolean | undefined): [Tensor, Tensor] {
  return many(native.call(id(213), self.slot, dim, descending)) as [Tensor, Tensor];
}

/** `aten::sort.stable(Tensor self, *, bool? stable, int dim=-1, bool descending=False) -> (Tensor values, Tensor indices)` */
export function sortStable(
  self: Tensor,
  options: { stable?: boolean | undefined; dim?: number | undefined; descending?: boolean | undefined } = {},
): [Tensor, Tensor] {
  return many(native.call(id(214), self.slot, options.stable, options.dim, options.descending)) as [Tensor, Tensor];
}

/** `aten::argsort(Tensor self, int dim=-1, bool descending=False) -> Tensor` */
export function argsort(self: Tensor, dim?: number | undefined, descending?: boolean | undefined): Tensor {
  return wrap(native.call(id(215), self.slot, dim, descending));
}

/** `aten::kthvalue(Tensor self, SymInt k, int dim=-1, bool keepdim=False) -> (Tensor values, Tensor indices)` */
export function kthvalue(
  self: Tensor,
  k: number,
  dim?: number | undefined,
  keepdim?: boolean | undefined,
): [Tensor, Tensor] {
  return many(native.call(id(216), self.slot, k, dim, keepdim)) as [Tensor, Tensor];
}

/** `aten::searchsorted.Tensor(Tensor sorted_sequence, Tensor self, *, bool out_int32=False, bool right=False, str? side=None, Tensor? sorter=None) -> Tensor` */
export function searchsorted(
  sortedSequence: Tensor,
  self: Tensor,
  options: {
    outInt32?: boolean | undefined;
    right?: boolean | undefined;
    side?: string | undefined;
    sorter?: Tensor | undefined;
  } = {},
): Tensor {
  return wrap(
    native.call(
      id(217),
      sortedSequence.slot,
      self.slot,
      options.outInt32,
      options.right,
      options.side,
      options.sorter?.slot,
    ),
  );
}

/** `aten::multinomial(Tensor self, SymInt num_samples, bool replacement=False, *, Generator? generator=None) -> Tensor` */
export function multinomial(
  self: Tensor,
  numSamples: number,
  replacement: boolean | undefined,
  options: { generator: Generator },
): Tensor {
  return wrap(native.call(id(218), self.slot, numSamples, replacement, options.generator.id));
}

/** `aten::bernoulli(Tensor self, *, Generator? generator=None) -> Tensor` */
export function bernoulli(self: Tensor, options: { generator: Generator }): Tensor {
  return wrap(native.call(id(219), self.slot, options.generator.id));
}

/** `aten::histc(Tensor self, int bins=100, Scalar min=0, Scalar max=0) -> Tensor` */
export function histc(
  self: Tensor,
  bins?: number | undefined,
  min?: Scalar | undefined,
  max?: Scalar | undefined,
): Tensor {
  return wrap(native.call(id(220), self.slot, bins, min, max));
}

/** `aten::zeros_like(Tensor self, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor` */
export function zerosLike(
  self: Tensor,
  options: { dtype?: DType | undefined; device?: Device | undefined; memoryFormat?: MemoryFormat | undefined } = {},
): Tensor {
  return wrap(
    native.call(
      id(221),
      self.slot,
      dtypeCode(options.dtype),
      undefined,
      usableDevice(options.device),
      undefined,
      memoryFormatCode(options.memoryFormat),
    ),
  );
}

/** `aten::ones_like(Tensor self, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor` */
export function onesLike(
  self: Tensor,
  options: { dtype?: DType | undefined; device?: Device | undefined; memoryFormat?: MemoryFormat | undefined } = {},
): Tensor {
  return wrap(
    native.call(
      id(222),
      self.slot,
      dtypeCode(options.dtype),
      undefined,
      usableDevice(options.device),
      undefined,
      memoryFormatCode(options.memoryFormat),
    ),
  );
}

/** `aten::empty_like(Tensor self, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor` */
export function emptyLike(
  self: Tensor,
  options: { dtype?: DType | undefined; device?: Device | undefined; memoryFormat?: MemoryFormat | undefined } = {},
): Tensor {
  return wrap(
    native.call(
      id(223),
      self.slot,
      dtypeCode(options.dtype),
      undefined,
      usableDevice(options.device),
      undefined,
      memoryFormatCode(options.memoryFormat),
    ),
  );
}

/** `aten::full_like(Tensor self, Scalar fill_value, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None, MemoryFormat? memory_format=None) -> Tensor` */
export function fullLike(
  self: Tensor,
  fillValue: Scalar,
  options: { dtype?: DType | undefined; device?: Device | undefined; memoryFormat?: MemoryFormat | undefined } = {},
): Tensor {
  return wrap(
    native.call(
      id(224),
      self.slot,
      fillValue,
      dtypeCode(options.dtype),
      undefined,
      usableDevice(options.device),
      undefined,
      memoryFormatCode(options.memoryFormat),
    ),
  );
}

/** `aten::new_zeros(Tensor self, SymInt[] size, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor` */
export function newZeros(
  self: Tensor,
  size: readonly number[],
  options: { dtype?: DType | undefined; device?: Device | undefined } = {},
): Tensor {
  return wrap(native.call(id(225), self.slot, size, dtypeCode(options.dtype), undefined, usableDevice(options.device)));
}

/** `aten::new_full(Tensor self, SymInt[] size, Scalar fill_value, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor` */
export function newFull(
  self: Tensor,
  size: readonly number[],
  fillValue: Scalar,
  options: { dtype?: DType | undefined; device?: Device | undefined } = {},
): Tensor {
  return wrap(
    native.call(id(226), self.slot, size, fillValue, dtypeCode(options.dtype), undefined, usableDevice(options.device)),
  );
}

/** `aten::linalg_inv(Tensor A) -> Tensor` */
export function linalgInv(A: Tensor): Tensor {
  return wrap(native.call(id(227), A.slot));
}

/** `aten::linalg_det(Tensor A) -> Tensor` */
export function linalgDet(A: Tensor): Tensor {
  return wrap(native.call(id(228), A.slot));
}

/** `aten::linalg_qr(Tensor A, str mode="reduced") -> (Tensor Q, Tensor R)` */
export function linalgQr(A: Tensor, mode?: string | undefined): [Tensor, Tensor] {
  return many(native.call(id(229), A.slot, mode)) as [Tensor, Tensor];
}

/** `aten::linalg_svd(Tensor A, bool full_matrices=True, *, str? driver=None) -> (Tensor U, Tensor S, Tensor Vh)` */
export function linalgSvd(
  A: Tensor,
  fullMatrices?: boolean | undefined,
  options: { driver?: string | undefined } = {},
): [Tensor, Tensor, Tensor] {
  return many(native.call(id(230), A.slot, fullMatrices, options.driver)) as [Tensor, Tensor, Tensor];
}

/** `aten::linalg_solve(Tensor A, Tensor B, *, bool left=True) -> Tensor` */
export function linalgSolve(A: Tensor, B: Tensor, options: { left?: boolean | undefined } = {}): Tensor {
  return wrap(native.call(id(231), A.slot, B.slot, options.left));
}

/** `aten::linalg_cholesky(Tensor self, *, bool upper=False) -> Tensor` */
export function linalgCholesky(self: Tensor, options: { upper?: boolean | undefined } = {}): Tensor {
  return wrap(native.call(id(232), self.slot, options.upper));
}

/** `aten::_fused_adamw_(Tensor(a!)[] self, Tensor(b!)[] grads, Tensor(c!)[] exp_avgs, Tensor(d!)[] exp_avg_sqs, Tensor(e!)[] max_exp_avg_sqs, Tensor[] state_steps, *, float lr, float beta1, float beta2, float weight_decay, float eps, bool amsgrad, bool maximize, Tensor? grad_scale=None, Tensor? found_inf=None) -> ()` */
export function _fusedAdamw_(
  self: readonly Tensor[],
  grads: readonly Tensor[],
  expAvgs: readonly Tensor[],
  expAvgSqs: readonly Tensor[],
  maxExpAvgSqs: readonly Tensor[],
  stateSteps: readonly Tensor[],
  options: {
    lr: number;
    beta1: number;
    beta2: number;
    weightDecay: number;
    eps: number;
    amsgrad: boolean;
    maximize: boolean;
    gradScale?: Tensor | undefined;
    foundInf?: Tensor | undefined;
  },
): void {
  native.callInPlace(
    id(233),
    slots(self),
    slots(grads),
    slots(expAvgs),
    slots(expAvgSqs),
    slots(maxExpAvgSqs),
    slots(stateSteps),
    options.lr,
    options.beta1,
    options.beta2,
    options.weightDecay,
    options.eps,
    options.amsgrad,
    options.maximize,
    options.gradScale?.slot,
    options.foundInf?.slot,
  );
}

/** `aten::_foreach_add_.Scalar(Tensor(a!)[] self, Scalar scalar) -> ()` */
export function _foreachAddScalar_(self: readonly Tensor[], scalar: Scalar): void {
  native.callInPlace(id(234), slots(self), scalar);
}

/** `aten::_foreach_add_.List(Tensor(a!)[] self, Tensor[] other, *, Scalar alpha=1) -> ()` */
export function _foreachAdd_(
  self: readonly Tensor[],
  other: readonly Tensor[],
  options: { alpha?: Scalar | undefined } = {},
): void {
  native.callInPlace(id(235), slots(self), slots(other), options.alpha);
}

/** `aten::_foreach_mul_.Scalar(Tensor(a!)[] self, Scalar scalar) -> ()` */
export function _foreachMulScalar_(self: readonly Tensor[], scalar: Scalar): void {
  native.callInPlace(id(236), slots(self), scalar);
}

/** `aten::_foreach_mul_.List(Tensor(a!)[] self, Tensor[] other) -> ()` */
export function _foreachMul_(self: readonly Tensor[], other: readonly Tensor[]): void {
  native.callInPlace(id(237), slots(self), slots(other));
}

/** `aten::_foreach_addcdiv_.Scalar(Tensor(a!)[] self, Tensor[] tensor1, Tensor[] tensor2, Scalar value=1) -> ()` */
export function _foreachAddcdiv_(
  self: readonly Tensor[],
  tensor1: readonly Tensor[],
  tensor2: readonly Tensor[],
  value?: Scalar | undefined,
): void {
  native.callInPlace(id(238), slots(self), slots(tensor1), slots(tensor2), value);
}

/** `aten::_foreach_addcmul_.Scalar(Tensor(a!)[] self, Tensor[] tensor1, Tensor[] tensor2, Scalar value=1) -> ()` */
export function _foreachAddcmul_(
  self: readonly Tensor[],
  tensor1: readonly Tensor[],
  tensor2: readonly Tensor[],
  value?: Scalar | undefined,
): void {
  native.callInPlace(id(239), slots(self), slots(tensor1), slots(tensor2), value);
}

/** `aten::_foreach_lerp_.Scalar(Tensor(a!)[] self, Tensor[] tensors1, Scalar weight) -> ()` */
export function _foreachLerp_(self: readonly Tensor[], tensors1: readonly Tensor[], weight: Scalar): void {
  native.callInPlace(id(240), slots(self), slots(tensors1), weight);
}

/** `aten::_foreach_sqrt(Tensor[] self) -> Tensor[]` */
export function _foreachSqrt(self: readonly Tensor[]): Tensor[] {
  return many(native.call(id(241), slots(self)));
}

/** `aten::_foreach_norm.Scalar(Tensor[] self, Scalar ord=2, ScalarType? dtype=None) -> Tensor[]` */
export function _foreachNorm(self: readonly Tensor[], ord?: Scalar | undefined, dtype?: DType | undefined): Tensor[] {
  return many(native.call(id(242), slots(self), ord, dtypeCode(dtype)));
}

/** `aten::_foreach_copy_(Tensor(a!)[] self, Tensor[] src, bool non_blocking=False) -> ()` */
export function _foreachCopy_(self: readonly Tensor[], src: readonly Tensor[]): void {
  native.callInPlace(id(243), slots(self), slots(src));
}

/** `aten::from_file(str filename, bool? shared=None, int? size=0, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor` */
export function fromFile(
  filename: string,
  shared?: boolean | undefined,
  size?: number | undefined,
  options: { dtype?: DType | undefined; device?: Device | undefined } = {},
): Tensor {
  return wrap(
    native.call(id(244), filename, shared, size, dtypeCode(options.dtype), undefined, usableDevice(options.device)),
  );
}

/** `aten::equal(Tensor self, Tensor other) -> bool` */
export function equal(self: Tensor, other: Tensor): boolean {
  return native.call(id(245), self.slot, other.slot) as boolean;
}

/** `aten::allclose(Tensor self, Tensor other, float rtol=1.0000000000000001e-05, float atol=1e-08, bool equal_nan=False) -> bool` */
export function allclose(
  self: Tensor,
  other: Tensor,
  rtol?: number | undefined,
  atol?: number | undefined,
  equalNan?: boolean | undefined,
): boolean {
  return native.call(id(246), self.slot, other.slot, rtol, atol, equalNan) as boolean;
}

/** `aten::isclose(Tensor self, Tensor other, float rtol=1.0000000000000001e-05, float atol=1e-08, bool equal_nan=False) -> Tensor` */
export function isclose(
  self: Tensor,
  other: Tensor,
  rtol?: number | undefined,
  atol?: number | undefined,
  equalNan?: boolean | undefined,
): Tensor {
  return wrap(native.call(id(247), self.slot, other.slot, rtol, atol, equalNan));
}
