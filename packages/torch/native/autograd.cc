// Reverse-mode differentiation: what operators alone cannot reach, because it is a property of tensors and threads.
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/grad_mode.h>
#include <torch/csrc/autograd/variable.h>

#include "env.h"

namespace rediff {
namespace {

/** undefined in the list stands for an undefined tensor, undefined instead of it for none at all. */
std::vector<at::Tensor> toOptionalTensorList(Env& e, napi_value value, const char* what) {
  std::vector<at::Tensor> tensors;
  if (isMissing(e, value)) return tensors;
  eachElement(e, value, what, [&](napi_value element) {
    tensors.push_back(isMissing(e, element) ? at::Tensor() : toTensor(e, element, what));
  });
  return tensors;
}

napi_value requiresGrad(Call& call) {
  return fromBool(call.e, toTensor(call.e, call[0], "tensor").requires_grad());
}

napi_value setRequiresGrad(Call& call) {
  Env& e = call.e;
  at::Tensor t = toTensor(e, call[0], "tensor");
  bool wanted = toBool(e, call[1], "requires_grad");
  if (!wanted && !t.is_leaf())
    throw BadArgument("only leaf tensors can stop requiring a gradient; use detach() for a result of operators");
  t.set_requires_grad(wanted);
  return undefined(e);
}

napi_value isLeaf(Call& call) {
  return fromBool(call.e, toTensor(call.e, call[0], "tensor").is_leaf());
}

/** gradOf(slot): a slot for .grad, or -1 */
napi_value gradOf(Call& call) {
  return fromInt(call.e, call.e.put(toTensor(call.e, call[0], "tensor").grad()));
}

/** setGrad(slot, slot | undefined) */
napi_value setGrad(Call& call) {
  Env& e = call.e;
  at::Tensor t = toTensor(e, call[0], "tensor");
  at::Tensor gradient = isMissing(e, call[1]) ? at::Tensor() : toTensor(e, call[1], "gradient");
  // libtorch would find out in the middle of a backward pass, or never.
  if (gradient.defined() && (gradient.sizes() != t.sizes() || gradient.scalar_type() != t.scalar_type() ||
                             gradient.device() != t.device()))
    throw BadArgument("a gradient of " + describe(gradient) + " does not fit a tensor of " + describe(t));
  t.mutable_grad() = std::move(gradient);
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
      function<"requiresGrad", requiresGrad>(), function<"setRequiresGrad", setRequiresGrad>(),
      function<"isLeaf", isLeaf>(),             function<"gradOf", gradOf>(),
      function<"setGrad", setGrad>(),           function<"backward", backward>(),
      function<"grad", grad>(),                 function<"setGradMode", setGradMode>(),
      function<"setInferenceMode", setInferenceMode>(),
  };
}

}  // namespace rediff
