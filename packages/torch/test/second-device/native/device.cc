// A second device for tests, where there is no GPU: libtorch's PrivateUse1, whose tensors lie in memory of their own and
// whose operators are the CPU's. What is in the wrong place fails here as it would on a GPU: operators refuse tensors of
// two devices, the host cannot read the memory, and everything that crosses is counted. Never part of what users load.
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/native/transformers/attention.h>
#include <ATen/ops/_fused_sdp_choice.h>
#include <ATen/ops/_local_scalar_dense.h>
#include <node_api.h>
#include <torch/library.h>

#include <unordered_set>

#include "attention.h"
#include "graphs.h"
#include "hooks.h"
#include "memory.h"
#include "pinned.h"
#include "transfers.h"

namespace apart {
namespace {

bool isHere(const at::Tensor& tensor) {
  return tensor.defined() && tensor.device().type() == c10::kPrivateUse1;
}

// --- every operator that has no registration of its own ---

/** Operators beside the pointwise ones that take a number of the host on a GPU too, without copying it there first. */
const std::unordered_set<std::string> kTakeHostNumbers = {"aten::index_put_", "aten::_index_put_impl_", "aten::fill_"};

/** How many elements their results have, the host has to know: a GPU's kernels wait for it. */
bool waits(const c10::OperatorHandle& op) {
  return op.hasTag(at::Tag::dynamic_output_shape) || op.hasTag(at::Tag::data_dependent_output);
}

/** It looks at no numbers. */
bool isView(const c10::OperatorHandle& op) {
  const auto& results = op.schema().returns();
  return !results.empty() && results[0].alias_info() != nullptr && !results[0].alias_info()->isWrite();
}

/** Calls `each` with every tensor of a value. */
template <typename Each>
c10::IValue mapTensors(const c10::IValue& value, Each&& each) {
  if (value.isTensor()) return each(value.toTensor());
  if (value.isTensorList()) {
    c10::List<at::Tensor> list;
    for (const at::Tensor& tensor : value.toTensorVector()) list.push_back(each(tensor));
    return list;
  }
  if (!value.isOptionalTensorList()) return value;
  c10::List<std::optional<at::Tensor>> list;
  for (const auto& element : value.toOptionalTensorVector())
    list.push_back(element ? std::optional<at::Tensor>(each(*element)) : std::nullopt);
  return list;
}

/** The one device that the arguments are on. @throws when there are two */
c10::Device commonDevice(const c10::OperatorHandle& op, c10::ArrayRef<c10::IValue> arguments) {
  const std::string& name = op.operator_name().name;
  bool takesNumbers = op.hasTag(at::Tag::pointwise) || name.find("_foreach_") != std::string::npos ||
      kTakeHostNumbers.count(name) > 0;
  std::optional<c10::Device> found;
  auto see = [&](c10::Device device) {
    TORCH_CHECK(!found || *found == device, name, ": tensors are on ", *found, " and on ", device);
    found = device;
  };
  std::optional<at::Tensor> onHost;
  for (const auto& argument : arguments) {
    mapTensors(argument, [&](const at::Tensor& tensor) {
      if (isHere(tensor))
        see(tensor.device());
      else if (tensor.defined() && !(takesNumbers && tensor.dim() == 0))
        onHost = tensor;
      return tensor;
    });
    if (argument.isDevice()) see(placed(argument.toDevice().index()));
    if (argument.isGenerator() && argument.toGenerator().defined()) see(argument.toGenerator().device());
  }
  TORCH_CHECK(found.has_value(), name, ": nothing says on which device");
  TORCH_CHECK(
      !onHost, name, ": expected all tensors on ", *found, ", but one of ", onHost->sizes(), " is on ",
      onHost->device());
  return *found;
}

/** As the CPU takes it. */
c10::IValue toHost(const c10::IValue& argument, Aliases& aliases) {
  if (argument.isDevice()) return c10::Device(c10::kCPU);
  if (argument.isGenerator() && argument.toGenerator().defined())
    return static_cast<Generator*>(argument.toGenerator().unsafeGetGeneratorImpl())->host;
  return mapTensors(argument, [&](const at::Tensor& t) { return isHere(t) ? aliases.onHost(t) : t; });
}

void runOnCpu(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  at::AutoDispatchBelowADInplaceOrView below;
  op.redispatchBoxed(c10::DispatchKeySet(c10::DispatchKey::CPU), stack);
}

void copyOnHost(const at::Tensor& from, const at::Tensor& to) {
  at::AutoDispatchBelowADInplaceOrView below;
  to.copy_(from);
}

/** Random numbers would be the same in every replay; where a GPU's generator goes on, ours does not know of it. Attention draws
 *  some, unless nothing is dropped. */
void assertMayRecord(const c10::OperatorHandle& op, c10::ArrayRef<c10::IValue> arguments) {
  if (capturing() == nullptr) return;
  bool isRandom = op.hasTag(at::Tag::nondeterministic_seeded);
  for (size_t i = 0; i < arguments.size(); i++)
    if (op.schema().arguments()[i].name() == "dropout_p" && arguments[i].toDouble() == 0) isRandom = false;
  for (const auto& argument : arguments)
    isRandom = isRandom || (argument.isGenerator() && argument.toGenerator().defined());
  TORCH_CHECK(!isRandom, op.operator_name().name, ": no random numbers while a graph is captured");
}

void onCpu(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const auto& schema = op.schema();
  const size_t count = schema.arguments().size();
  const size_t base = stack->size() - count;
  std::vector<c10::IValue> given(stack->begin() + base, stack->end());
  const c10::Device device = commonDevice(op, given);
  const std::string name = op.operator_name().name;
  if (waits(op))
    for (const auto& argument : given)
      if (argument.isTensor() && isHere(argument.toTensor())) {
        cross("read", name, argument.toTensor());
        break;
      }
  if (!isView(op)) pinned().settle();
  if (name.find("attention") != std::string::npos && given[0].isTensor()) noteKernel(name, given[0].toTensor());

  assertMayRecord(op, given);
  Aliases aliases;
  std::vector<c10::IValue> hosts;
  for (size_t i = 0; i < count; i++) hosts.push_back((*stack)[base + i] = toHost(given[i], aliases));
  if (capturing() != nullptr)
    for (size_t i = 0; i < count; i++) {
      const auto* alias = schema.arguments()[i].alias_info();
      mapTensors(given[i], [&](const at::Tensor& tensor) {
        if (isHere(tensor)) touched(name, tensor, alias != nullptr && alias->isWrite());
        return tensor;
      });
    }
  runOnCpu(op, stack);
  const bool isRecorded = capturing() != nullptr;
  // Of each result in turn; undefined where it lies in memory that was there.
  std::vector<at::Tensor> fresh;
  if (isRecorded)
    for (size_t i = base; i < stack->size(); i++)
      mapTensors((*stack)[i], [&](const at::Tensor& result) {
        fresh.push_back(result.defined() && !aliases.knows(result) ? result : at::Tensor());
        return result;
      });

  // An argument that was written into is given back itself, not as another tensor over its memory.
  std::unordered_map<const c10::TensorImpl*, at::Tensor> written;
  for (size_t i = 0; i < count; i++) {
    const auto* alias = schema.arguments()[i].alias_info();
    if (alias == nullptr || !alias->isWrite()) continue;
    auto settle = [&](const at::Tensor& tensor, const at::Tensor& host) {
      if (!isHere(tensor)) return;
      if (host.storage().data() != unmarked(tensor.storage().data())) assertMayGrow(name, tensor);
      aliases.takeShape(tensor, host);
      written.emplace(host.unsafeGetTensorImpl(), tensor);
    };
    if (given[i].isTensor()) settle(given[i].toTensor(), hosts[i].toTensor());
    if (!given[i].isTensorList()) continue;
    auto tensors = given[i].toTensorVector(), seen = hosts[i].toTensorVector();
    for (size_t j = 0; j < tensors.size(); j++) settle(tensors[j], seen[j]);
  }
  for (size_t i = base; i < stack->size(); i++)
    (*stack)[i] = mapTensors((*stack)[i], [&](const at::Tensor& result) {
      if (!result.defined()) return result;
      auto known = written.find(result.unsafeGetTensorImpl());
      if (known != written.end()) return known->second;
      const bool isNew = !aliases.knows(result);
      const at::Tensor there = aliases.onDevice(result, device);
      return isNew ? made(there) : there;
    });
  if (isRecorded)
    recordStep([op, hosts, fresh] {
      torch::jit::Stack again(hosts.begin(), hosts.end());
      runOnCpu(op, &again);
      size_t next = 0;
      for (const auto& value : again)
        mapTensors(value, [&](const at::Tensor& result) {
          if (const at::Tensor& place = fresh[next++]; place.defined()) copyOnHost(result, place);
          return result;
        });
    });
}

// --- what the CPU has nothing like ---

at::Tensor empty(
    c10::SymIntArrayRef size, std::optional<at::ScalarType> dtype, std::optional<at::Layout>,
    std::optional<at::Device> device, std::optional<bool>, std::optional<at::MemoryFormat> format) {
  c10::DeviceGuard guard(device ? placed(device->index()) : placed(-1));
  return made(at::detail::empty_generic(
      C10_AS_INTARRAYREF_SLOW(size), &allocator(), c10::DispatchKeySet(c10::DispatchKey::PrivateUse1),
      c10::dtype_or_default(dtype), format));
}

at::Tensor emptyStrided(
    c10::SymIntArrayRef size, c10::SymIntArrayRef stride, std::optional<at::ScalarType> dtype,
    std::optional<at::Layout>, std::optional<at::Device> device, std::optional<bool>) {
  c10::DeviceGuard guard(device ? placed(device->index()) : placed(-1));
  return made(at::detail::empty_strided_generic(
      C10_AS_INTARRAYREF_SLOW(size), C10_AS_INTARRAYREF_SLOW(stride), &allocator(),
      c10::DispatchKeySet(c10::DispatchKey::PrivateUse1), c10::dtype_or_default(dtype)));
}

/** The one way between devices. */
at::Tensor copyFrom(const at::Tensor& from, const at::Tensor& to, bool nonBlocking) {
  if (nonBlocking && isHere(to) && !isHere(from) && pinned().has(from.const_data_ptr())) {
    cross("upload", "aten::copy_", from, " pinned");
    if (pinned().upload(from, to)) return to;
  }
  pinned().settle();
  if (!isHere(to))
    cross("read", "aten::copy_", from);
  else if (!isHere(from))
    cross("upload", "aten::copy_", from);
  else if (from.device() != to.device())
    cross("between", "aten::copy_", from);
  Aliases aliases;
  const at::Tensor target = isHere(to) ? aliases.onHost(to) : to, source = isHere(from) ? aliases.onHost(from) : from;
  if (capturing() != nullptr) {
    touched("aten::copy_", from, false);
    touched("aten::copy_", to, true);
  }
  copyOnHost(source, target);
  recordStep([=] { copyOnHost(source, target); });
  return to;
}

at::Scalar item(const at::Tensor& tensor) {
  pinned().settle();
  cross("read", "aten::_local_scalar_dense", tensor);
  Aliases aliases;
  return at::_local_scalar_dense(aliases.onHost(tensor));
}

/** The CPU's choice of attention, so that the numbers are the CPU's. */
int64_t attentionOf(
    const at::Tensor& query, const at::Tensor& key, const at::Tensor& value, const std::optional<at::Tensor>& mask,
    double dropout, bool causal, std::optional<double> scale, bool grouped) {
  Aliases aliases;
  auto host = [&](const at::Tensor& t) { return aliases.onHost(t).set_requires_grad(t.requires_grad()); };
  return at::_fused_sdp_choice(
      host(query), host(key), host(value), mask ? std::optional(host(*mask)) : std::nullopt, dropout, causal, scale,
      grouped);
}

// --- for tests, through the dispatcher ---

/** Whether transfers are written down from now on; forgets those that were. */
void record(bool on) {
  auto& all = transfers();
  std::lock_guard<std::mutex> lock(all.mutex);
  all.recorded = on;
  all.lines.clear();
  all.kernels.clear();
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += (text.empty() ? "" : "\n") + line;
  return text;
}

/** A line for each transfer since `record`. */
std::string recorded() {
  auto& all = transfers();
  std::lock_guard<std::mutex> lock(all.mutex);
  return joined(all.lines);
}

/** And for each call that computed attention. */
std::string attended() {
  auto& all = transfers();
  std::lock_guard<std::mutex> lock(all.mutex);
  return joined(all.kernels);
}

struct Registration {
  Registration() {
    c10::register_privateuse1_backend("apart");
    at::RegisterPrivateUse1HooksInterface(new Hooks);
    c10::SetAllocator(c10::kPrivateUse1, &allocator());
  }
} registration;

C10_REGISTER_GUARD_IMPL(PrivateUse1, Guard)

TORCH_LIBRARY_IMPL(_, PrivateUse1, m) {
  m.fallback(torch::CppFunction::makeFromBoxedFunction<&onCpu>());
}

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
  m.impl("empty.memory_format", empty);
  m.impl("empty_strided", emptyStrided);
  m.impl("_copy_from", copyFrom);
  m.impl("_local_scalar_dense", item);
  m.impl("_flash_attention_forward", torch::CppFunction::makeFromBoxedFunction<&flashAttention>());
}

TORCH_LIBRARY(apart, m) {
  m.def("record(bool on) -> ()", record);
  m.def("recorded() -> str", recorded);
  m.def("attended() -> str", attended);
  m.def("graphs() -> int", countGraphs);
}

TORCH_LIBRARY_IMPL(rediff, PrivateUse1, m) {
  m.impl("capture_begin", captureBegin);
  m.impl("capture_end", captureEnd);
  m.impl("replay", replay);
  m.impl("drop_graph", dropGraph);
}

}  // namespace
}  // namespace apart

/** It is built as the addon is, and has to be loaded as one: everything happens when the library is opened. */
NAPI_MODULE_INIT() {
  return exports;
}

namespace at::native {
REGISTER_PRIVATEUSE1_DISPATCH(_fused_sdp_choice_stub, &apart::attentionOf)
}
