// A second device for tests, where there is no GPU: libtorch's PrivateUse1, whose tensors lie in memory of their own and
// whose operators are the CPU's. What is in the wrong place fails here as it would on a GPU: operators refuse tensors of
// two devices, the host cannot read the memory, and everything that crosses is counted. Never part of what users load.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/detail/PrivateUse1HooksInterface.h>
#include <ATen/native/transformers/attention.h>
#include <ATen/ops/_fused_sdp_choice.h>
#include <ATen/ops/_local_scalar_dense.h>
#include <node_api.h>
#include <torch/library.h>

#include <unordered_set>

#include "memory.h"
#include "transfers.h"

namespace apart {
namespace {

bool isHere(const at::Tensor& tensor) {
  return tensor.defined() && tensor.device().type() == c10::kPrivateUse1;
}

// --- random numbers: the CPU's, so that results can be compared ---

struct Generator final : c10::GeneratorImpl {
  explicit Generator(c10::Device device)
      : GeneratorImpl(device, c10::DispatchKeySet(c10::DispatchKey::PrivateUse1)),
        host(at::make_generator<at::CPUGeneratorImpl>()) {}

  void set_current_seed(uint64_t seed) override {
    host.set_current_seed(seed);
  }
  void set_offset(uint64_t offset) override {
    host.set_offset(offset);
  }
  uint64_t get_offset() const override {
    return host.get_offset();
  }
  uint64_t current_seed() const override {
    return host.current_seed();
  }
  uint64_t seed() override {
    return host.seed();
  }
  void set_state(const c10::TensorImpl& state) override {
    host.unsafeGetGeneratorImpl()->set_state(state);
  }
  c10::intrusive_ptr<c10::TensorImpl> get_state() const override {
    return host.unsafeGetGeneratorImpl()->get_state();
  }
  Generator* clone_impl() const override {
    auto* copy = new Generator(device_);
    copy->host = host.clone();
    return copy;
  }

  at::Generator host;
};

struct Hooks final : at::PrivateUse1HooksInterface {
  bool isBuilt() const override {
    return true;
  }
  bool isAvailable() const override {
    return true;
  }
  bool hasPrimaryContext(c10::DeviceIndex) const override {
    return true;
  }
  c10::DeviceIndex deviceCount() const override {
    return kDevices;
  }
  c10::DeviceIndex getCurrentDevice() const override {
    return current;
  }
  void setCurrentDevice(c10::DeviceIndex index) const override {
    Guard().setDevice({c10::kPrivateUse1, index});
  }
  c10::DeviceIndex exchangeDevice(c10::DeviceIndex index) const override {
    return Guard().exchangeDevice({c10::kPrivateUse1, index}).index();
  }
  c10::DeviceIndex maybeExchangeDevice(c10::DeviceIndex index) const override {
    return exchangeDevice(index);
  }
  at::Generator getNewGenerator(c10::DeviceIndex index) const override {
    return at::make_generator<Generator>(placed(index));
  }
};

// --- every operator that has no registration of its own ---

/** Operators beside the pointwise ones that take a number of the host on a GPU too, without copying it there first. */
const std::unordered_set<std::string> kTakeHostNumbers = {"aten::index_put_", "aten::_index_put_impl_", "aten::fill_"};

/** How many elements their results have, the host has to know: a GPU's kernels wait for it. */
bool waits(const c10::OperatorHandle& op) {
  return op.hasTag(at::Tag::dynamic_output_shape) || op.hasTag(at::Tag::data_dependent_output);
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
        note("read", name, argument.toTensor());
        break;
      }

  Aliases aliases;
  std::vector<c10::IValue> hosts;
  for (size_t i = 0; i < count; i++) hosts.push_back((*stack)[base + i] = toHost(given[i], aliases));
  {
    at::AutoDispatchBelowADInplaceOrView below;
    op.redispatchBoxed(c10::DispatchKeySet(c10::DispatchKey::CPU), stack);
  }

  // An argument that was written into is given back itself, not as another tensor over its memory.
  std::unordered_map<const c10::TensorImpl*, at::Tensor> written;
  for (size_t i = 0; i < count; i++) {
    const auto* alias = schema.arguments()[i].alias_info();
    if (alias == nullptr || !alias->isWrite()) continue;
    auto settle = [&](const at::Tensor& tensor, const at::Tensor& host) {
      if (!isHere(tensor)) return;
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
      return known != written.end() ? known->second : aliases.onDevice(result, device);
    });
}

// --- what the CPU has nothing like ---

at::Tensor empty(
    c10::SymIntArrayRef size, std::optional<at::ScalarType> dtype, std::optional<at::Layout>,
    std::optional<at::Device> device, std::optional<bool>, std::optional<at::MemoryFormat> format) {
  c10::DeviceGuard guard(device ? placed(device->index()) : placed(-1));
  return at::detail::empty_generic(
      C10_AS_INTARRAYREF_SLOW(size), &allocator(), c10::DispatchKeySet(c10::DispatchKey::PrivateUse1),
      c10::dtype_or_default(dtype), format);
}

at::Tensor emptyStrided(
    c10::SymIntArrayRef size, c10::SymIntArrayRef stride, std::optional<at::ScalarType> dtype,
    std::optional<at::Layout>, std::optional<at::Device> device, std::optional<bool>) {
  c10::DeviceGuard guard(device ? placed(device->index()) : placed(-1));
  return at::detail::empty_strided_generic(
      C10_AS_INTARRAYREF_SLOW(size), C10_AS_INTARRAYREF_SLOW(stride), &allocator(),
      c10::DispatchKeySet(c10::DispatchKey::PrivateUse1), c10::dtype_or_default(dtype));
}

/** The one way between devices. */
at::Tensor copyFrom(const at::Tensor& from, const at::Tensor& to, bool) {
  if (!isHere(to))
    note("read", "aten::copy_", from);
  else if (!isHere(from))
    note("upload", "aten::copy_", from);
  else if (from.device() != to.device())
    note("between", "aten::copy_", from);
  at::AutoDispatchBelowADInplaceOrView below;
  Aliases aliases;
  at::Tensor host = isHere(to) ? aliases.onHost(to) : to;
  host.copy_(isHere(from) ? aliases.onHost(from) : from);
  return to;
}

at::Scalar item(const at::Tensor& tensor) {
  note("read", "aten::_local_scalar_dense", tensor);
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
}

/** A line for each transfer since `record`. */
std::string recorded() {
  auto& all = transfers();
  std::lock_guard<std::mutex> lock(all.mutex);
  std::string text;
  for (const auto& line : all.lines) text += (text.empty() ? "" : "\n") + line;
  return text;
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
}

TORCH_LIBRARY(apart, m) {
  m.def("record(bool on) -> ()", record);
  m.def("recorded() -> str", recorded);
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
