// A linear layer whose products all go through oneDNN: y = x w^T + b, and on the way back dx = dy w and dw = dy^T x.
//
// libtorch has the forward operator alone (inference is what it was made for), and takes its own matrix product for
// float32 elsewhere: MKL's, which runs at half the speed on processors that are not Intel's. All three products have
// the form a b^T for some a and b, of which one or both are transposed views; oneDNN reads those as they lie.
#include <ATen/ops/linear.h>
#include <ATen/ops/matmul.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "env.h"

namespace rediff {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

/** a b^T + bias: [m, k], [n, k] -> [m, n] */
at::Tensor product(const at::Tensor& a, const at::Tensor& b, const std::optional<at::Tensor>& bias = std::nullopt) {
  static const auto op = c10::Dispatcher::singleton().findSchemaOrThrow("mkldnn::_linear_pointwise", "");
  torch::jit::Stack stack{a, b, bias, "none", c10::List<std::optional<at::Scalar>>(), ""};
  op.callBoxed(stack);
  return stack[0].toTensor();
}

/** [..., n] -> [rows, n] */
at::Tensor flatRows(const at::Tensor& t) {
  return t.dim() == 2 ? t : t.reshape({-1, t.size(-1)});
}

class OneDnnLinear : public torch::autograd::Function<OneDnnLinear> {
 public:
  static at::Tensor forward(
      AutogradContext* ctx, const at::Tensor& x, const at::Tensor& weight, const std::optional<at::Tensor>& bias) {
    ctx->save_for_backward({x, weight});
    ctx->saved_data["bias"] = bias.has_value();
    return product(x, weight, bias);
  }

  static tensor_list backward(AutogradContext* ctx, const tensor_list& gradients) {
    auto saved = ctx->get_saved_variables();
    const auto& x = saved[0];
    const auto& weight = saved[1];
    // Second derivatives need operators that are recorded themselves.
    bool recorded = torch::autograd::GradMode::is_enabled();
    auto times = [&](const at::Tensor& a, const at::Tensor& b) {
      return recorded ? at::matmul(a, b.t()) : product(a, b);
    };
    auto dy = flatRows(gradients[0]);
    at::Tensor dx, dw, db;
    if (ctx->needs_input_grad(0)) dx = times(dy, weight.t()).view(x.sizes());
    if (ctx->needs_input_grad(1)) dw = times(dy.t(), flatRows(x).t());
    if (ctx->saved_data["bias"].toBool() && ctx->needs_input_grad(2)) db = dy.sum(0);
    return {dx, dw, db};
  }
};

/** oneDnnLinear(x, weight, bias | undefined): float32 tensors on the CPU */
napi_value oneDnnLinear(Call& call) {
  Env& e = call.e;
  at::Tensor x = toTensor(e, call[0], "x");
  at::Tensor weight = toTensor(e, call[1], "weight");
  std::optional<at::Tensor> bias;
  if (!isMissing(e, call[2])) bias = toTensor(e, call[2], "bias");
  auto fits = [](const at::Tensor& t) { return t.is_cpu() && t.scalar_type() == at::kFloat; };
  if (!fits(x) || !fits(weight) || (bias && !fits(*bias)))
    throw BadArgument("takes float32 tensors on the CPU, got " + describe(x) + " and " + describe(weight));
  if (x.dim() < 1 || weight.dim() != 2 || x.size(-1) != weight.size(1) ||
      (bias && (bias->dim() != 1 || bias->size(0) != weight.size(0))))
    throw BadArgument("shapes do not fit: " + describe(x) + ", weight " + describe(weight) +
                      (bias ? ", bias " + describe(*bias) : ""));
  std::optional<c10::InferenceMode> inference;
  if (e.inferenceMode) inference.emplace(true);
  return fromInt(e, e.put(OneDnnLinear::apply(x, weight, bias)));
}

}  // namespace

std::vector<NativeFunction> linearFunctions() {
  return {function<"oneDnnLinear", oneDnnLinear>()};
}

}  // namespace rediff
