// What a transformer computes between its products and behind the last of them, each in one pass over memory: the
// root-mean-square norm, rotary positions, silu(gate) * up, and the softmax of logits that come piece by piece. For
// inference: nothing here is recorded. They round where libtorch's operators, one by one, would.
#include <ATen/ops/empty_like.h>
#include <c10/core/GradMode.h>
#include <c10/core/InferenceMode.h>

#include "env.h"
#include "fused/kinds.h"
#include "in-parallel.h"

namespace rediff {
namespace {

using fused::RowState;

constexpr int64_t kTogether = 1 << 14;  // elements that a thread takes at a time, or a row

/** body(row) for rows of so many elements. */
template <typename Body>
void eachRow(int64_t rows, int64_t width, const Body& body) {
  const int64_t together = std::max<int64_t>(1, kTogether / std::max<int64_t>(1, width));
  inParallel((rows + together - 1) / together, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin * together; row < std::min(rows, end * together); row++) body(row);
  });
}

/** Whether to take the kind "avx2"; `name` is one of fusedKernels(), or missing for the best. */
bool takesAvx2(Env& e, napi_value name) {
  if (isMissing(e, name)) return fused::hasAvx2();
  std::string kind = toString(e, name, "kernel");
  if (kind == "plain") return false;
  if (kind != "avx2") throw BadArgument("there is no kernel " + kind);
  if (!fused::hasAvx2()) throw BadArgument("this processor cannot run the kernel " + kind);
  return true;
}

bool isReadable(const at::Tensor& t) {
  return t.is_cpu() && t.dim() >= 1 && (t.scalar_type() == at::kFloat || t.scalar_type() == at::kBFloat16);
}

void assertUnrecorded(const at::Tensor& t) {
  if (c10::GradMode::is_enabled() && t.requires_grad())
    throw BadArgument("has no gradients: use libtorch's operators where they are wanted");
}

/** For whoever saved it for a way back. */
void wasChanged(const at::Tensor& t) {
  if (!t.is_inference()) t.unsafeGetTensorImpl()->bump_version();
}

/** body(T{}) for the element type. */
template <typename Body>
void withType(const at::Tensor& t, const Body& body) {
  if (t.scalar_type() == at::kFloat)
    body(float{});
  else
    body(c10::BFloat16{});
}

/** fusedRmsNorm(x [..., D], weight [D], eps, kernel | undefined): the same shape and dtype */
napi_value fusedRmsNorm(Call& call) {
  Env& e = call.e;
  at::Tensor given = toTensor(e, call[0], "x");
  at::Tensor weight = toTensor(e, call[1], "weight");
  const float eps = static_cast<float>(toDouble(e, call[2], "eps"));
  const bool avx2 = takesAvx2(e, call[3]);
  if (!isReadable(given) || given.size(-1) == 0)
    throw BadArgument("takes float32 or bfloat16 on the CPU, got " + describe(given));
  if (!weight.is_cpu() || weight.scalar_type() != given.scalar_type() || weight.dim() != 1 ||
      weight.size(0) != given.size(-1))
    throw BadArgument("the weight does not fit: " + describe(weight) + ", x " + describe(given));
  assertUnrecorded(given);
  assertUnrecorded(weight);
  std::optional<c10::InferenceMode> inference;
  if (e.inferenceMode) inference.emplace(true);
  at::Tensor x = given.detach().contiguous(), w = weight.detach().contiguous();
  at::Tensor result = at::empty_like(x);
  const int64_t width = x.size(-1);
  withType(x, [&](auto type) {
    using T = decltype(type);
    const T *from = x.const_data_ptr<T>(), *weights = w.const_data_ptr<T>();
    T* to = result.mutable_data_ptr<T>();
    const auto norm = fused::kernels<T>(avx2).normRow;
    eachRow(x.numel() / width, width, [&](int64_t row) {
      norm(from + row * width, weights, to + row * width, width, eps);
    });
  });
  return fromInt(e, e.put(result));
}

/** siluMul_(gate, up, kernel | undefined): silu(gate) * up in gate's place */
napi_value siluMul(Call& call) {
  Env& e = call.e;
  at::Tensor gate = toTensor(e, call[0], "gate");
  at::Tensor given = toTensor(e, call[1], "up");
  const bool avx2 = takesAvx2(e, call[2]);
  if (!isReadable(gate) || !gate.is_contiguous())
    throw BadArgument("takes contiguous float32 or bfloat16 on the CPU, got " + describe(gate));
  if (!given.is_cpu() || given.scalar_type() != gate.scalar_type() || given.sizes() != gate.sizes())
    throw BadArgument("up does not fit: " + describe(given) + ", gate " + describe(gate));
  assertUnrecorded(gate);
  assertUnrecorded(given);
  std::optional<c10::InferenceMode> inference;
  if (e.inferenceMode) inference.emplace(true);
  at::Tensor up = given.detach().contiguous();
  const int64_t count = gate.numel();
  withType(gate, [&](auto type) {
    using T = decltype(type);
    T* to = gate.mutable_data_ptr<T>();
    const T* from = up.const_data_ptr<T>();
    const auto multiply = fused::kernels<T>(avx2).gateRow;
    eachRow((count + kTogether - 1) / kTogether, kTogether, [&](int64_t piece) {
      const int64_t begin = piece * kTogether;
      multiply(to + begin, from + begin, std::min(kTogether, count - begin));
    });
  });
  wasChanged(gate);
  return undefined(e);
}

/** rotateHalves_(x [B, N, L, H], cos [B or 1, 1, L, H], sin, kernel | undefined): in place */
napi_value rotateHalves(Call& call) {
  Env& e = call.e;
  at::Tensor x = toTensor(e, call[0], "x");
  at::Tensor cosines = toTensor(e, call[1], "cos");
  at::Tensor sines = toTensor(e, call[2], "sin");
  const bool avx2 = takesAvx2(e, call[3]);
  if (!isReadable(x) || x.dim() != 4 || x.size(3) % 2 != 0 || x.stride(3) != 1 || !x.is_non_overlapping_and_dense())
    throw BadArgument("takes dense float32 or bfloat16 [B, N, L, H] on the CPU, got " + describe(x));
  for (const at::Tensor& t : {cosines, sines})
    if (!t.is_cpu() || t.scalar_type() != x.scalar_type() || t.dim() != 4 || t.size(1) != 1 || t.size(2) != x.size(2) ||
        t.size(3) != x.size(3) || (t.size(0) != 1 && t.size(0) != x.size(0)))
      throw BadArgument("the table does not fit: " + describe(t) + ", x " + describe(x));
  assertUnrecorded(x);
  std::optional<c10::InferenceMode> inference;
  if (e.inferenceMode) inference.emplace(true);
  at::Tensor cos = cosines.detach().contiguous(), sin = sines.detach().contiguous();
  const int64_t heads = x.size(1), length = x.size(2), width = x.size(3);
  const int64_t ofCos = cos.size(0) == 1 ? 0 : length * width, ofSin = sin.size(0) == 1 ? 0 : length * width;
  withType(x, [&](auto type) {
    using T = decltype(type);
    T* data = x.mutable_data_ptr<T>();
    const T *c = cos.const_data_ptr<T>(), *s = sin.const_data_ptr<T>();
    const auto turn = fused::kernels<T>(avx2).turnRow;
    eachRow(x.size(0) * length, heads * width, [&](int64_t row) {
      const int64_t b = row / length, l = row % length;
      T* first = data + b * x.stride(0) + l * x.stride(2);
      for (int64_t n = 0; n < heads; n++)
        turn(first + n * x.stride(1), c + b * ofCos + l * width, s + b * ofSin + l * width, width / 2);
    });
  });
  wasChanged(x);
  return undefined(e);
}

/** onlineSoftmax_(state [4, R], logits [R, C], first, precise, kernel | undefined): adds the logits of ids first.. */
napi_value onlineSoftmax(Call& call) {
  Env& e = call.e;
  at::Tensor state = toTensor(e, call[0], "state");
  at::Tensor logits = toTensor(e, call[1], "logits");
  const int64_t first = toInt(e, call[2], "first");
  const bool precise = toBool(e, call[3], "precise");
  const bool avx2 = takesAvx2(e, call[4]);
  if (!isReadable(logits) || logits.dim() != 2 || (logits.size(1) > 1 && logits.stride(1) != 1))
    throw BadArgument("takes rows of float32 or bfloat16 on the CPU, got " + describe(logits));
  const int64_t rows = logits.size(0), count = logits.size(1), stride = logits.stride(0);
  if (!state.is_cpu() || state.scalar_type() != at::kDouble || state.dim() != 2 || state.size(0) != 4 ||
      state.size(1) != rows || !state.is_contiguous())
    throw BadArgument("the state is not that of these rows: " + describe(state) + ", logits " + describe(logits));
  if (first < 0) throw BadArgument("ids begin at 0, got " + std::to_string(first));
  assertUnrecorded(state);
  assertUnrecorded(logits);
  std::optional<c10::InferenceMode> inference;
  if (e.inferenceMode) inference.emplace(true);
  double* values = state.mutable_data_ptr<double>();
  withType(logits, [&](auto type) {
    using T = decltype(type);
    const T* data = logits.const_data_ptr<T>();
    const auto add = fused::kernels<T>(avx2).addRow;
    eachRow(rows, count, [&](int64_t row) {
      double* own = values + row;
      RowState s{static_cast<float>(own[0]), static_cast<int64_t>(own[rows]), own[2 * rows], own[3 * rows]};
      add(data + row * stride, count, first, precise, s);
      own[0] = s.top;
      own[rows] = static_cast<double>(s.token);
      own[2 * rows] = s.others;
      own[3 * rows] = s.surprise;
    });
  });
  wasChanged(state);
  return undefined(e);
}

/** fusedKernels(): names of the kinds that this processor runs, the one that is taken first */
napi_value fusedKernels(Call& call) {
  std::vector<std::string> names;
  if (fused::hasAvx2()) names.push_back("avx2");
  names.push_back("plain");
  napi_value array = newArray(call.e, names.size());
  for (size_t i = 0; i < names.size(); i++) setElement(call.e, array, i, fromString(call.e, names[i]));
  return array;
}

}  // namespace

std::vector<NativeFunction> fusedFunctions() {
  return {
      function<"fusedRmsNorm", fusedRmsNorm>(),
      function<"siluMul_", siluMul>(),
      function<"rotateHalves_", rotateHalves>(),
      function<"onlineSoftmax_", onlineSoftmax>(),
      function<"fusedKernels", fusedKernels>(),
  };
}

}  // namespace rediff
