// What one JavaScript thread knows of libtorch: tables that turn the small integers JavaScript holds into
// tensors, generators and operators, and the one border where C++ exceptions become JavaScript errors.
//
// Tensors cross the border as slot numbers, not as wrapped objects: reading an integer costs 10 ns, unwrapping an
// object ten times that, and lifetimes are explicit on the JavaScript side anyway (see src/scope.ts).
#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <node_api.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_set>
#include <vector>

namespace rediff {

/** How one argument or result of an operator crosses the border. The numbers are known to src/native.ts. */
enum class Kind : uint8_t {
  Tensor = 0,
  TensorList = 1,
  Scalar = 2,
  Int = 3,
  Float = 4,
  Bool = 5,
  String = 6,
  IntList = 7,
  FloatList = 8,
  BoolList = 9,
  Device = 10,
  Generator = 11,
  OptionalTensorList = 12,
  ScalarList = 13,
  Unsupported = 14,
};

struct Argument {
  std::string name;
  std::string type;
  Kind kind = Kind::Unsupported;
  bool optional = false;
  bool kwargOnly = false;
  int32_t length = 0;  // of a fixed-size list, into which a single number expands; 0 when free
  std::optional<c10::IValue> fallback;
};

struct Operator {
  explicit Operator(c10::OperatorHandle op) : handle(op) {}
  c10::OperatorHandle handle;
  std::string name;
  std::vector<Argument> arguments;
  std::vector<Kind> results;
};

/** JavaScript buffers that tensors borrow, and references to those whose tensors have died, possibly on another
 *  thread: only their own may release them. */
struct ReleaseQueue {
  std::mutex mutex;
  std::unordered_set<const void*> borrowed;
  std::vector<napi_ref> references;
  bool closed = false;
};

struct Slot {
  at::Tensor tensor;
  int64_t reported = 0;  // bytes told to V8's collector on behalf of this slot
};

struct Env {
  explicit Env(napi_env e) : env(e), released(std::make_shared<ReleaseQueue>()) {}
  ~Env();

  napi_env env;
  std::vector<Slot> slots;
  std::vector<int32_t> freeSlots;
  std::vector<at::Generator> generators;
  std::vector<int32_t> freeGenerators;
  std::vector<std::unique_ptr<Operator>> operators;
  torch::jit::Stack stack;
  std::shared_ptr<ReleaseQueue> released;
  bool inferenceMode = false;  // no gradients, ever, for what is made meanwhile: saves a tenth of a microsecond per call
  size_t live = 0;
  int64_t reportedBytes = 0;    // by all live slots
  int64_t unreportedBytes = 0;  // change not yet told to V8

  int32_t put(at::Tensor tensor);
  const at::Tensor& get(int64_t slot) const;
  void drop(int64_t slot);
  void settleMemory();
  void drainReleased();
};

/** A mistake of the caller, found before libtorch was asked. */
struct BadArgument : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// --- small conversions; each throws BadArgument rather than returning a status ---
int64_t toInt(Env&, napi_value, const char* what);
double toDouble(Env&, napi_value, const char* what);
bool toBool(Env&, napi_value, const char* what);
std::string toString(Env&, napi_value, const char* what);
bool isMissing(Env&, napi_value);  // undefined or null
napi_value fromInt(Env&, int64_t);
napi_value fromDouble(Env&, double);
napi_value fromBool(Env&, bool);
napi_value fromString(Env&, const std::string&);
napi_value undefined(Env&);
std::vector<int64_t> toIntList(Env&, napi_value, const char* what);
std::vector<at::Tensor> toTensorList(Env&, napi_value, const char* what);
napi_value fromTensorList(Env&, const std::vector<at::Tensor>&);

/** "float32 [2, 3]": for error messages. */
std::string describe(const at::Tensor&);

void throwError(Env&, const std::string& message);

/** Runs `body` and turns every C++ exception into a JavaScript one, prefixed by `where`. */
template <typename Body>
napi_value guarded(Env& e, const char* where, Body&& body) {
  try {
    return body();
  } catch (const c10::Error& error) {
    throwError(e, std::string(where) + ": " + error.what_without_backtrace());
  } catch (const std::exception& error) {
    throwError(e, std::string(where) + ": " + error.what());
  }
  return nullptr;
}

constexpr size_t kMaxArguments = 24;

struct Call {
  Env& e;
  size_t count;
  napi_value values[kMaxArguments];
  napi_value operator[](size_t i) const {
    return values[i];
  }
};

/** A native function: reads its arguments once and runs inside the error border. */
template <napi_value (*Function)(Call&)>
napi_value entry(napi_env env, napi_callback_info info) {
  void* data = nullptr;
  size_t count = kMaxArguments;
  napi_value values[kMaxArguments];
  napi_get_cb_info(env, info, &count, values, nullptr, &data);
  Env& e = *static_cast<Env*>(data);
  Call call{e, count, {}};
  std::copy(values, values + std::min(count, kMaxArguments), call.values);
  return guarded(e, "libtorch", [&] { return Function(call); });
}

struct NativeFunction {
  const char* name;
  napi_callback callback;
};

std::vector<NativeFunction> dispatchFunctions();
std::vector<NativeFunction> tensorFunctions();
std::vector<NativeFunction> autogradFunctions();
std::vector<NativeFunction> runtimeFunctions();

}  // namespace rediff
