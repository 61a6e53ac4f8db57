// The slot table and the conversions of the border.
#include "env.h"

#include <cmath>
#include <sstream>

namespace rediff {
namespace {

// V8 is told of native memory in lumps: one call per tensor would cost more than most operators on small ones.
constexpr int64_t kReportLump = 1 << 20;
// From here on a storage is worth a look into a table, so that views of it are counted with it.
constexpr int64_t kLargeStorage = 1 << 16;
constexpr int64_t kMaxDimensions = 64;
// Where doubles stop telling integers apart.
constexpr double kSafeInteger = 9007199254740992.0;

}  // namespace

Env::~Env() {
  std::lock_guard<std::mutex> lock(released->mutex);
  released->closed = true;  // the buffers die with the thread's heap; nobody may touch the references any more
}

int32_t Env::put(at::Tensor tensor) {
  if (!tensor.defined()) return -1;
  // libtorch's kernels have room for so many, and not all of them look.
  if (tensor.dim() > kMaxDimensions)
    throw BadArgument("a tensor of " + std::to_string(tensor.dim()) + " dimensions; at most " +
                      std::to_string(kMaxDimensions) + " are supported");
  int32_t slot;
  if (!freeSlots.empty()) {
    slot = freeSlots.back();
    freeSlots.pop_back();
  } else {
    slot = static_cast<int32_t>(slots.size());
    slots.emplace_back();
  }
  slots[slot].tensor = std::move(tensor);
  live++;
  account(slots[slot]);
  return slot;
}

void Env::account(Slot& slot) {
  const at::Tensor& t = slot.tensor;
  if (!t.has_storage() || t.is_meta()) return;
  const c10::Storage& storage = t.storage();
  // Memory without an allocator is borrowed from V8, which knows of it, or a mapped file, which costs nothing.
  if (storage.allocator() == nullptr) return;
  int64_t bytes = static_cast<int64_t>(storage.nbytes());
  if (bytes < kLargeStorage) {
    // A view of a small storage goes uncounted.
    if (storage.use_count() > 1) return;
    slot.reported = bytes;
    report(bytes);
    return;
  }
  slot.storage = storage.unsafeGetStorageImpl();
  LargeStorage& large = largeStorages[slot.storage];
  if (large.slots++ > 0) return;
  large.bytes = bytes;
  report(bytes);
}

const at::Tensor& Env::get(int64_t slot) const {
  if (slot < 0 || slot >= static_cast<int64_t>(slots.size()) || !slots[slot].tensor.defined())
    throw BadArgument("the tensor was freed");
  return slots[slot].tensor;
}

const at::Generator& Env::generator(int64_t slot) const {
  if (slot < 0 || slot >= static_cast<int64_t>(generators.size()) || !generators[slot].defined())
    throw BadArgument("the generator was freed");
  return generators[slot];
}

void Env::drop(int64_t index) {
  if (index < 0 || index >= static_cast<int64_t>(slots.size()) || !slots[index].tensor.defined()) return;
  Slot slot = std::move(slots[index]);
  slots[index] = Slot{};
  freeSlots.push_back(static_cast<int32_t>(index));
  live--;
  if (slot.storage != nullptr) {
    auto found = largeStorages.find(slot.storage);
    if (--found->second.slots == 0) {
      report(-found->second.bytes);
      largeStorages.erase(found);
    }
  } else if (slot.reported > 0) {
    report(-slot.reported);
  }
}

void Env::dropGivenUp() {
  const int32_t count = givenUp[0];
  givenUp[0] = 0;
  for (int32_t i = 1; i <= count; i++) drop(givenUp[i]);
  drainReleased();
}

void Env::report(int64_t bytes) {
  reportedBytes += bytes;
  unreportedBytes += bytes;
  if (unreportedBytes < kReportLump && unreportedBytes > -kReportLump) return;
  int64_t total = 0;
  napi_adjust_external_memory(env, unreportedBytes, &total);
  unreportedBytes = 0;
}

void Env::drainReleased() {
  if (!released->waiting) return;
  std::vector<napi_ref> references;
  {
    std::lock_guard<std::mutex> lock(released->mutex);
    released->waiting = false;
    references.swap(released->references);
  }
  for (napi_ref reference : references) napi_delete_reference(env, reference);
}

void check(Env& e, napi_status status, const char* what) {
  if (status == napi_ok) return;
  bool pending = false;
  if (napi_is_exception_pending(e.env, &pending) == napi_ok && pending) throw PendingException();
  throw BadArgument(std::string(what) + ": JavaScript refuses (Node-API status " + std::to_string(status) + ")");
}

const at::Tensor& toTensor(Env& e, napi_value value, const char* what) {
  int32_t slot;
  if (napi_get_value_int32(e.env, value, &slot) != napi_ok) throw BadArgument(std::string(what) + " must be a tensor");
  return tensorIn(e, slot, what);
}

const at::Tensor& tensorIn(Env& e, int32_t slot, const char* what) {
  if (slot < 0 || static_cast<size_t>(slot) >= e.slots.size() || !e.slots[slot].tensor.defined())
    throw BadArgument(std::string(what) + ": the tensor was freed");
  return e.slots[slot].tensor;
}

int64_t toInt(Env& e, napi_value value, const char* what) {
  double number;
  if (napi_get_value_double(e.env, value, &number) == napi_ok) {
    if (number != std::floor(number) || std::isinf(number)) throw BadArgument(std::string(what) + " must be a whole number");
    if (std::abs(number) > kSafeInteger) throw BadArgument(std::string(what) + " is beyond 2^53: pass a bigint");
    return static_cast<int64_t>(number);
  }
  int64_t integer;
  bool lossless = false;
  if (napi_get_value_bigint_int64(e.env, value, &integer, &lossless) == napi_ok) {
    if (!lossless) throw BadArgument(std::string(what) + " does not fit into 64 bits");
    return integer;
  }
  bool boolean;
  if (napi_get_value_bool(e.env, value, &boolean) == napi_ok) return boolean ? 1 : 0;
  throw BadArgument(std::string(what) + " must be a whole number");
}

double toDouble(Env& e, napi_value value, const char* what) {
  double number;
  if (napi_get_value_double(e.env, value, &number) == napi_ok) return number;
  throw BadArgument(std::string(what) + " must be a number");
}

bool toBool(Env& e, napi_value value, const char* what) {
  bool boolean;
  if (napi_get_value_bool(e.env, value, &boolean) == napi_ok) return boolean;
  throw BadArgument(std::string(what) + " must be a boolean");
}

std::string toString(Env& e, napi_value value, const char* what) {
  size_t length = 0;
  if (napi_get_value_string_utf8(e.env, value, nullptr, 0, &length) != napi_ok)
    throw BadArgument(std::string(what) + " must be a string");
  std::string text(length, '\0');
  check(e, napi_get_value_string_utf8(e.env, value, text.data(), length + 1, &length), what);
  return text;
}

bool isMissing(Env& e, napi_value value) {
  napi_valuetype type = napi_undefined;
  napi_typeof(e.env, value, &type);
  return type == napi_undefined || type == napi_null;
}

napi_value fromInt(Env& e, int64_t value) {
  napi_value result = nullptr;
  if (value >= INT32_MIN && value <= INT32_MAX)
    check(e, napi_create_int32(e.env, static_cast<int32_t>(value), &result), "result");
  else if (std::abs(static_cast<double>(value)) < kSafeInteger)
    check(e, napi_create_int64(e.env, value, &result), "result");
  else
    check(e, napi_create_bigint_int64(e.env, value, &result), "result");
  return result;
}

napi_value fromDouble(Env& e, double value) {
  napi_value result = nullptr;
  check(e, napi_create_double(e.env, value, &result), "result");
  return result;
}

napi_value fromBool(Env& e, bool value) {
  napi_value result = nullptr;
  check(e, napi_get_boolean(e.env, value, &result), "result");
  return result;
}

napi_value fromString(Env& e, const std::string& value) {
  napi_value result = nullptr;
  check(e, napi_create_string_utf8(e.env, value.data(), value.size(), &result), "result");
  return result;
}

napi_value undefined(Env& e) {
  napi_value result = nullptr;
  check(e, napi_get_undefined(e.env, &result), "result");
  return result;
}

napi_value newArray(Env& e, size_t length) {
  napi_value result = nullptr;
  check(e, napi_create_array_with_length(e.env, length, &result), "result");
  return result;
}

void setElement(Env& e, napi_value array, size_t index, napi_value value) {
  check(e, napi_set_element(e.env, array, static_cast<uint32_t>(index), value), "result");
}

std::vector<int64_t> toIntList(Env& e, napi_value value, const char* what) {
  std::vector<int64_t> list;
  eachElement(e, value, what, [&](napi_value element) { list.push_back(toInt(e, element, what)); });
  return list;
}

std::vector<at::Tensor> toTensorList(Env& e, napi_value value, const char* what) {
  std::vector<at::Tensor> tensors;
  eachElement(e, value, what, [&](napi_value element) { tensors.push_back(toTensor(e, element, what)); });
  return tensors;
}

napi_value fromTensorList(Env& e, const std::vector<at::Tensor>& tensors) {
  napi_value array = newArray(e, tensors.size());
  for (size_t i = 0; i < tensors.size(); i++) setElement(e, array, i, fromInt(e, e.put(tensors[i])));
  return array;
}

std::string describe(const at::Tensor& tensor) {
  std::ostringstream text;
  text << c10::getDtypeNames(tensor.scalar_type()).first << " [";
  const char* comma = "";
  for (int64_t size : tensor.sizes()) {
    text << comma << size;
    comma = ", ";
  }
  text << "]";
  if (!tensor.device().is_cpu()) text << " on " << tensor.device().str();
  return text.str();
}

void throwError(Env& e, const std::string& message) {
  bool pending = false;
  napi_is_exception_pending(e.env, &pending);
  if (!pending) napi_throw_error(e.env, nullptr, message.c_str());
}

}  // namespace rediff
