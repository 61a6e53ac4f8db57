// Reverse-mode differentiation: what operators alone cannot reach, because it is a property of tensors and threads.
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/grad_mode.h>
#include <torch/csrc/autograd/variable.h>

#include "env.h"

namespace rediff {
namespace {

std::vector<at::Tensor> toOptionalTensorList(Env& e, napi_value value, const char* what) {
  std::vector<at::Tensor> tensors;
  if (isMissing(e, value)) return tensors;
  for (int64_t slot : toIntList(e, value, what)) tensors.push_back(slot < 0 ? at::Tensor() : e.get(slot));
  return tensors;
}

napi_value requiresGrad(Call& call) {
  return fromBool(call.e, call.e.get(toInt(call.e, call[0], "tensor")).requires_grad());
}

napi_value setRequiresGrad(Call& call) {
  Env& e = call.e;
  at::Tensor t = e.get(toInt(e, call[0], "tensor"));
  bool wanted = toBool(e, call[1], "requires_grad");
  if (!wanted && !t.is_leaf())
    throw BadArgument("only leaf tensors can stop requiring a gradient; use detach() for a result of operators");
  t.set_requires_grad(wanted);
  return undefined(e);
}

napi_value isLeaf(Call& call) {
  return fromBool(call.e, call.e.get(toInt(call.e, call[0], "tensor")).is_leaf());
}

/** gradOf(slot): a slot for .grad, or -1 */
napi_value gradOf(Call& call) {
  Env& e = call.e;
  const auto& grad = e.get(toInt(e, call[0], "tensor")).grad();
  return fromInt(e, grad.defined() ? e.put(grad) : -1);
}

napi_value setGrad(Call& call) {
  Env& e = call.e;
  at::Tensor t = e.get(toInt(e, call[0], "tensor"));
  int64_t slot = toInt(e, call[1], "gradient");
  t.mutable_grad() = slot < 0 ? at::Tensor() : e.get(slot);
  return undefined(e);
}

/** backward(outputs, gradOutputs | undefined, retainGraph, createGraph, inputs | undefined) */
napi_value backward(Call& call) {
  Env& e = call.e;
  torch::autograd::backward(
      toTensorList(e, call[0], "outputs"), toOptionalTensorList(e, call[1], "gradients"), toBool(e, call[2], "retainGraph"),
      toBool(e, call[3], "createGraph"), toOptionalTensorList(e, call[4], "inputs"));
  return undefined(e);
}

/** grad(outputs, inputs, gradOutputs | undefined, retainGraph, createGraph, allowUnused): slots, -1 where unused */
napi_value grad(Call& call) {
  Env& e = call.e;
  auto gradients = torch::autograd::grad(
      toTensorList(e, call[0], "outputs"), toTensorList(e, call[1], "inputs"), toOptionalTensorList(e, call[2], "gradients"),
      toBool(e, call[3], "retainGraph"), toBool(e, call[4], "createGraph"), toBool(e, call[5], "allowUnused"));
  return fromTensorList(e, gradients);
}

/** setGradMode(on): whether this thread records operators for differentiation; returns what it was. */
napi_value setGradMode(Call& call) {
  bool before = torch::autograd::GradMode::is_enabled();
  torch::autograd::GradMode::set_enabled(toBool(call.e, call[0], "enabled"));
  return fromBool(call.e, before);
}

/** setInferenceMode(on): like gradient mode off, but the tensors made can never enter a graph; returns what it was. */
napi_value setInferenceMode(Call& call) {
  bool before = call.e.inferenceMode;
  call.e.inferenceMode = toBool(call.e, call[0], "enabled");
  return fromBool(call.e, before);
}

}  // namespace

std::vector<NativeFunction> autogradFunctions() {
  return {
      {"requiresGrad", entry<requiresGrad>}, {"setRequiresGrad", entry<setRequiresGrad>},
      {"isLeaf", entry<isLeaf>},             {"gradOf", entry<gradOf>},
      {"setGrad", entry<setGrad>},           {"backward", entry<backward>},
      {"grad", entry<grad>},                 {"setGradMode", entry<setGradMode>},
      {"setInferenceMode", entry<setInferenceMode>},
  };
}

}  // namespace rediff
