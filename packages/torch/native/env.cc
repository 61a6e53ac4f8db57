// The slot table and the conversions of the border.
#include "env.h"

#include <cmath>
#include <sstream>

namespace rediff {
namespace {

// V8 is told of native memory in lumps: one call per tensor would cost more than most operators on small ones.
constexpr int64_t kReportLump = 1 << 20;

}  // namespace

Env::~Env() {
  std::lock_guard<std::mutex> lock(released->mutex);
  released->closed = true;  // the buffers die with the thread's heap; nobody may touch the references any more
}

int32_t Env::put(at::Tensor tensor) {
  int32_t slot;
  if (!freeSlots.empty()) {
    slot = freeSlots.back();
    freeSlots.pop_back();
  } else {
    slot = static_cast<int32_t>(slots.size());
    slots.emplace_back();
  }
  int64_t bytes = 0;
  // Views share their storage with a tensor that was counted when it was made.
  if (tensor.defined() && tensor.has_storage() && tensor.storage().use_count() == 1)
    bytes = static_cast<int64_t>(tensor.storage().nbytes());
  slots[slot] = Slot{std::move(tensor), bytes};
  live++;
  reportedBytes += bytes;
  unreportedBytes += bytes;
  if (unreportedBytes > kReportLump) settleMemory();
  return slot;
}

const at::Tensor& Env::get(int64_t slot) const {
  if (slot < 0 || slot >= static_cast<int64_t>(slots.size()) || !slots[slot].tensor.defined())
    throw BadArgument("the tensor was freed, or is not a tensor");
  return slots[slot].tensor;
}

void Env::drop(int64_t slot) {
  if (slot < 0 || slot >= static_cast<int64_t>(slots.size()) || !slots[slot].tensor.defined()) return;
  reportedBytes -= slots[slot].reported;
  unreportedBytes -= slots[slot].reported;
  slots[slot] = Slot{};
  freeSlots.push_back(static_cast<int32_t>(slot));
  live--;
  if (unreportedBytes < -kReportLump) settleMemory();
}

void Env::settleMemory() {
  int64_t total = 0;
  napi_adjust_external_memory(env, unreportedBytes, &total);
  unreportedBytes = 0;
}

void Env::drainReleased() {
  std::vector<napi_ref> references;
  {
    std::lock_guard<std::mutex> lock(released->mutex);
    references.swap(released->references);
  }
  for (napi_ref reference : references) napi_delete_reference(env, reference);
}

int64_t toInt(Env& e, napi_value value, const char* what) {
  double number;
  if (napi_get_value_double(e.env, value, &number) == napi_ok) {
    if (number != std::floor(number)) throw BadArgument(std::string(what) + " must be a whole number");
    return static_cast<int64_t>(number);
  }
  int64_t integer;
  bool lossless = false;
  if (napi_get_value_bigint_int64(e.env, value, &integer, &lossless) == napi_ok && lossless) return integer;
  bool boolean;
  if (napi_get_value_bool(e.env, value, &boolean) == napi_ok) return boolean ? 1 : 0;
  throw BadArgument(std::string(what) + " must be an integer");
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
  napi_get_value_string_utf8(e.env, value, text.data(), length + 1, &length);
  return text;
}

bool isMissing(Env& e, napi_value value) {
  napi_valuetype type;
  napi_typeof(e.env, value, &type);
  return type == napi_undefined || type == napi_null;
}

napi_value fromInt(Env& e, int64_t value) {
  napi_value result;
  if (value >= INT32_MIN && value <= INT32_MAX)
    napi_create_int32(e.env, static_cast<int32_t>(value), &result);
  else
    napi_create_int64(e.env, value, &result);
  return result;
}

napi_value fromDouble(Env& e, double value) {
  napi_value result;
  napi_create_double(e.env, value, &result);
  return result;
}

napi_value fromBool(Env& e, bool value) {
  napi_value result;
  napi_get_boolean(e.env, value, &result);
  return result;
}

napi_value fromString(Env& e, const std::string& value) {
  napi_value result;
  napi_create_string_utf8(e.env, value.data(), value.size(), &result);
  return result;
}

napi_value undefined(Env& e) {
  napi_value result;
  napi_get_undefined(e.env, &result);
  return result;
}

std::vector<int64_t> toIntList(Env& e, napi_value value, const char* what) {
  uint32_t size = 0;
  if (napi_get_array_length(e.env, value, &size) != napi_ok) throw BadArgument(std::string(what) + " must be an array");
  std::vector<int64_t> list(size);
  for (uint32_t i = 0; i < size; i++) {
    napi_value element;
    napi_get_element(e.env, value, i, &element);
    list[i] = toInt(e, element, what);
  }
  return list;
}

std::vector<at::Tensor> toTensorList(Env& e, napi_value value, const char* what) {
  std::vector<at::Tensor> tensors;
  for (int64_t slot : toIntList(e, value, what)) tensors.push_back(e.get(slot));
  return tensors;
}

napi_value fromTensorList(Env& e, const std::vector<at::Tensor>& tensors) {
  napi_value array;
  napi_create_array_with_length(e.env, tensors.size(), &array);
  for (size_t i = 0; i < tensors.size(); i++)
    napi_set_element(e.env, array, i, tensors[i].defined() ? fromInt(e, e.put(tensors[i])) : fromInt(e, -1));
  return array;
}

std::string describe(const at::Tensor& tensor) {
  std::ostringstream text;
  std::string type = c10::toString(tensor.scalar_type());
  text << type << " [";
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
