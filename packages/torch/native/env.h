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
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
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
  std::unordered_map<const void*, int> borrowed;  // start of the memory to how many storages lie over it
  std::vector<napi_ref> references;
  std::atomic<bool> waiting{false};  // whether there are references: looked at without the lock
  bool closed = false;
};

struct Slot {
  at::Tensor tensor;
  const c10::StorageImpl* storage = nullptr;  // the large storage that this slot holds, see Env::largeStorages
  int64_t reported = 0;                       // bytes told to V8's collector for a small one
};

/** A storage that several slots may hold: a view keeps it alive after its base is freed. */
struct LargeStorage {
  int64_t bytes = 0;
  int64_t slots = 0;
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
  std::unordered_map<std::string, int32_t> operatorIds;
  torch::jit::Stack stack;  // kept between calls for its memory only; see run() in dispatch.cc
  std::shared_ptr<ReleaseQueue> released;
  // Slots that JavaScript has given up: their number, then the slots. Emptied before every call, so that a nested scope
  // costs no call of its own.
  int32_t* givenUp = nullptr;
  bool inferenceMode = false;  // no gradients, ever, for what is made meanwhile: saves a tenth of a microsecond per call
  size_t live = 0;
  int64_t reportedBytes = 0;    // native memory of this thread's tensors, for V8's collector
  int64_t unreportedBytes = 0;  // the part of it that V8 has not been told yet
  std::unordered_map<const c10::StorageImpl*, LargeStorage> largeStorages;

  /** The slot of a defined tensor; -1 for an undefined one. */
  int32_t put(at::Tensor tensor);
  /** The reference is valid until the next `put`. */
  const at::Tensor& get(int64_t slot) const;
  const at::Generator& generator(int64_t slot) const;
  void drop(int64_t slot);
  void dropGivenUp();
  void drainReleased();

 private:
  void account(Slot& slot);
  void report(int64_t bytes);
};

/** A mistake of the caller, found before libtorch was asked. */
struct BadArgument : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/** JavaScript has thrown already (a getter among the arguments, or a worker being ended). */
struct PendingException : std::exception {};

/** Turns a status that is not ok into an exception. */
void check(Env&, napi_status, const char* what);

// --- small conversions; each throws BadArgument rather than returning a status ---
const at::Tensor& toTensor(Env&, napi_value, const char* what);
const at::Tensor& tensorIn(Env&, int32_t slot, const char* what);
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
napi_value newArray(Env&, size_t length);
void setElement(Env&, napi_value array, size_t index, napi_value value);
napi_value fromTensorList(Env&, const std::vector<at::Tensor>&);

/** Of a list that crosses the border: sizes, indices, tensors. Data goes through buffers. */
constexpr uint32_t kMaxElements = 1'000'000;

/** Calls `read(element)` for each element of an array or typed array. */
template <typename Read>
void eachElement(Env& e, napi_value value, const char* what, Read&& read) {
  uint32_t size = 0;
  bool isArray = false;
  check(e, napi_is_array(e.env, value, &isArray), what);
  if (isArray) {
    check(e, napi_get_array_length(e.env, value, &size), what);
  } else {
    size_t length = 0;
    napi_status status = napi_get_typedarray_info(e.env, value, nullptr, &length, nullptr, nullptr, nullptr);
    if (status != napi_ok) throw BadArgument(std::string(what) + " must be an array");
    size = static_cast<uint32_t>(std::min(length, size_t(kMaxElements) + 1));
  }
  if (size > kMaxElements)
    throw BadArgument(std::string(what) + " has more than " + std::to_string(kMaxElements) + " elements");
  for (uint32_t i = 0; i < size; i++) {
    napi_value element = nullptr;
    check(e, napi_get_element(e.env, value, i, &element), what);
    read(element);
  }
}

std::vector<int64_t> toIntList(Env&, napi_value, const char* what);
std::vector<at::Tensor> toTensorList(Env&, napi_value, const char* what);

/** "float32 [2, 3]": for error messages. */
std::string describe(const at::Tensor&);

void throwError(Env&, const std::string& message);

/** Runs `body` and turns every C++ exception into a JavaScript one; `where()` begins the message. */
template <typename Body, typename Where>
napi_value guarded(Env& e, Body&& body, Where&& where) {
  try {
    return body();
  } catch (const PendingException&) {
    return nullptr;
  } catch (const c10::Error& error) {
    throwError(e, where() + ": " + error.what_without_backtrace());
  } catch (const std::bad_alloc&) {
    throwError(e, where() + ": out of memory");
  } catch (const std::exception& error) {
    throwError(e, where() + ": " + error.what());
  } catch (...) {
    throwError(e, where() + ": unknown C++ exception");
  }
  return nullptr;
}

constexpr size_t kMaxArguments = 40;  // libtorch's longest operator takes 31

/** What JavaScript passed. Node-API fills missing arguments with undefined. */
struct Call {
  Call(napi_env env, napi_callback_info info) : e(read(env, info)) {}
  napi_value operator[](size_t i) const {
    return values[i];
  }

  size_t count;  // may be more than were read
  napi_value values[kMaxArguments];
  Env& e;

 private:
  Env& read(napi_env env, napi_callback_info info) {
    void* data = nullptr;
    count = kMaxArguments;
    napi_get_cb_info(env, info, &count, values, nullptr, &data);
    Env& found = *static_cast<Env*>(data);
    if (found.givenUp != nullptr && found.givenUp[0] > 0) found.dropGivenUp();
    return found;
  }
};

struct NativeFunction {
  const char* name;
  napi_callback callback;
};

/** A string literal as a template argument. */
template <size_t N>
struct Name {
  char text[N];
  constexpr Name(const char (&literal)[N]) {
    std::copy_n(literal, N, text);
  }
};

/** A native function that runs inside the error border, under the name that its errors begin with. */
template <Name name, napi_value (*Function)(Call&)>
NativeFunction function() {
  return {name.text, [](napi_env env, napi_callback_info info) -> napi_value {
            Call call(env, info);
            return guarded(call.e, [&] { return Function(call); }, [] { return std::string(name.text); });
          }};
}

std::vector<NativeFunction> dispatchFunctions();
std::vector<NativeFunction> tensorFunctions();
std::vector<NativeFunction> autogradFunctions();
std::vector<NativeFunction> customFunctions();
std::vector<NativeFunction> readingFunctions();
std::vector<NativeFunction> mappingFunctions();
std::vector<NativeFunction> runtimeFunctions();
std::vector<NativeFunction> allocatorFunctions();
std::vector<NativeFunction> linearFunctions();
std::vector<NativeFunction> quantizedFunctions();

}  // namespace rediff
