// Tensors in and out of JavaScript memory, what they look like, and when they die.
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/StorageImpl.h>

#include <cstring>
#include <sstream>
#include <unordered_map>
#include <unordered_set>

#include "env.h"

namespace rediff {
namespace {

/** free([slot, ...]): slots that are free already are skipped. */
napi_value freeTensors(Call& call) {
  Env& e = call.e;
  napi_typedarray_type type;
  size_t length = 0;
  void* data = nullptr;
  if (napi_get_typedarray_info(e.env, call[0], &type, &length, &data, nullptr, nullptr) != napi_ok || type != napi_int32_array)
    throw BadArgument("free takes an Int32Array");
  size_t count = static_cast<size_t>(toInt(e, call[1], "count"));
  const int32_t* slots = static_cast<int32_t*>(data);
  for (size_t i = 0; i < std::min(count, length); i++) e.drop(slots[i]);
  e.drainReleased();
  return undefined(e);
}

/** describe(slot): [dtype, device type, device index, requires grad, size, size, ...] */
napi_value describeTensor(Call& call) {
  Env& e = call.e;
  const auto& t = e.get(toInt(e, call[0], "tensor"));
  auto sizes = t.sizes();
  napi_value array;
  napi_create_array_with_length(e.env, 3 + sizes.size(), &array);
  napi_set_element(e.env, array, 0, fromInt(e, static_cast<int64_t>(t.scalar_type())));
  napi_set_element(e.env, array, 1, fromInt(e, static_cast<int64_t>(t.device().type())));
  napi_set_element(e.env, array, 2, fromInt(e, t.device().index()));
  for (size_t i = 0; i < sizes.size(); i++) napi_set_element(e.env, array, 3 + i, fromInt(e, sizes[i]));
  return array;
}

/** fromBuffer(ArrayBuffer, byte offset, sizes, dtype): shares the memory, which lives as long as the tensor. */
napi_value fromBuffer(Call& call) {
  Env& e = call.e;
  void* data = nullptr;
  size_t bytes = 0;
  if (napi_get_arraybuffer_info(e.env, call[0], &data, &bytes) != napi_ok) throw BadArgument("fromBuffer takes an ArrayBuffer");
  int64_t offset = toInt(e, call[1], "byte offset");
  auto sizes = toIntList(e, call[2], "shape");
  auto dtype = static_cast<c10::ScalarType>(toInt(e, call[3], "dtype"));
  int64_t count = 1;
  for (int64_t size : sizes) {
    if (size < 0) throw BadArgument("shape has a negative size");
    if (__builtin_mul_overflow(count, size, &count)) throw BadArgument("shape is too large");
  }
  int64_t need = count * static_cast<int64_t>(c10::elementSize(dtype));
  if (offset < 0 || offset % static_cast<int64_t>(c10::elementSize(dtype)) != 0)
    throw BadArgument("byte offset " + std::to_string(offset) + " is not a multiple of the element size");
  if (offset + need > static_cast<int64_t>(bytes))
    throw BadArgument("the shape needs " + std::to_string(need) + " bytes at offset " + std::to_string(offset) +
                      " but the buffer has " + std::to_string(bytes));
  auto options = at::TensorOptions().dtype(dtype);
  if (count == 0) return fromInt(e, e.put(at::empty(sizes, options)));
  napi_ref reference;
  napi_create_reference(e.env, call[0], 1, &reference);
  auto queue = e.released;
  void* start = static_cast<char*>(data) + offset;
  {
    std::lock_guard<std::mutex> lock(queue->mutex);
    queue->borrowed.insert(start);
  }
  auto tensor = at::from_blob(
      start, sizes,
      [queue, reference, start](void*) {
        // The last use may be dropped by any thread; only the owning one may touch the reference.
        std::lock_guard<std::mutex> lock(queue->mutex);
        queue->borrowed.erase(start);
        if (!queue->closed) queue->references.push_back(reference);
      },
      options);
  return fromInt(e, e.put(std::move(tensor)));
}

/** toBuffer(slot): an ArrayBuffer with a copy of the elements in row-major order. The only place that waits for a GPU. */
napi_value toBuffer(Call& call) {
  Env& e = call.e;
  auto t = e.get(toInt(e, call[0], "tensor")).detach().to(at::kCPU).contiguous();
  void* data = nullptr;
  napi_value buffer;
  if (napi_create_arraybuffer(e.env, t.nbytes(), &data, &buffer) != napi_ok)
    throw BadArgument("JavaScript cannot hold a buffer of " + std::to_string(t.nbytes()) + " bytes");
  if (t.nbytes() > 0) std::memcpy(data, t.const_data_ptr(), t.nbytes());
  return buffer;
}

/** copyInto(slot, ArrayBuffer, byte offset): toBuffer into memory that exists, for streaming large tensors out. */
napi_value copyInto(Call& call) {
  Env& e = call.e;
  auto t = e.get(toInt(e, call[0], "tensor")).detach().to(at::kCPU).contiguous();
  void* data = nullptr;
  size_t bytes = 0;
  if (napi_get_arraybuffer_info(e.env, call[1], &data, &bytes) != napi_ok) throw BadArgument("copyInto takes an ArrayBuffer");
  int64_t offset = toInt(e, call[2], "byte offset");
  if (offset < 0 || offset + static_cast<int64_t>(t.nbytes()) > static_cast<int64_t>(bytes))
    throw BadArgument("the buffer is too small for " + std::to_string(t.nbytes()) + " bytes");
  if (t.nbytes() > 0) std::memcpy(static_cast<char*>(data) + offset, t.const_data_ptr(), t.nbytes());
  return undefined(e);
}

/** item(slot): the only element as a number, boolean, or bigint where a number would lose digits. */
napi_value item(Call& call) {
  Env& e = call.e;
  auto scalar = e.get(toInt(e, call[0], "tensor")).item();
  if (scalar.isBoolean()) return fromBool(e, scalar.toBool());
  if (scalar.isFloatingPoint()) return fromDouble(e, scalar.toDouble());
  int64_t value = scalar.toLong();
  if (value > 9007199254740992 || value < -9007199254740992) {
    napi_value result;
    napi_create_bigint_int64(e.env, value, &result);
    return result;
  }
  return fromInt(e, value);
}

napi_value toText(Call& call) {
  Env& e = call.e;
  std::ostringstream text;
  text << e.get(toInt(e, call[0], "tensor"));
  return fromString(e, text.str());
}

/** alias(slot): another slot for the same tensor. */
napi_value alias(Call& call) {
  return fromInt(call.e, call.e.put(call.e.get(toInt(call.e, call[0], "tensor"))));
}

/** memory(): [live slots, bytes of the distinct storages behind them] */
napi_value memory(Call& call) {
  Env& e = call.e;
  e.drainReleased();
  std::unordered_set<const c10::StorageImpl*> seen;
  double bytes = 0;
  for (const auto& slot : e.slots)
    if (slot.tensor.defined() && slot.tensor.has_storage() &&
        seen.insert(slot.tensor.storage().unsafeGetStorageImpl()).second)
      bytes += static_cast<double>(slot.tensor.storage().nbytes());
  napi_value array;
  napi_create_array_with_length(e.env, 2, &array);
  napi_set_element(e.env, array, 0, fromInt(e, static_cast<int64_t>(e.live)));
  napi_set_element(e.env, array, 1, fromDouble(e, bytes));
  return array;
}

// --- handing tensors to another thread ---

std::mutex sharedMutex;
std::unordered_map<int64_t, at::Tensor> sharedTensors;
int64_t nextToken = 1;

/** send(slot): a token that `receive` turns into a tensor on any thread, once. Buffers of this thread's heap are
 *  copied, because they die with the thread. */
napi_value sendTensor(Call& call) {
  Env& e = call.e;
  auto t = e.get(toInt(e, call[0], "tensor")).detach();
  bool borrowed = false;
  if (t.has_storage()) {
    std::lock_guard<std::mutex> lock(e.released->mutex);
    borrowed = e.released->borrowed.count(t.storage().data()) > 0;
  }
  if (borrowed) t = t.clone();
  std::lock_guard<std::mutex> lock(sharedMutex);
  sharedTensors.emplace(nextToken, std::move(t));
  return fromInt(e, nextToken++);
}

napi_value receiveTensor(Call& call) {
  Env& e = call.e;
  int64_t token = toInt(e, call[0], "token");
  std::lock_guard<std::mutex> lock(sharedMutex);
  auto found = sharedTensors.find(token);
  if (found == sharedTensors.end()) throw BadArgument("no tensor was sent under this token, or it was received already");
  int32_t slot = e.put(std::move(found->second));
  sharedTensors.erase(found);
  return fromInt(e, slot);
}

}  // namespace

std::vector<NativeFunction> tensorFunctions() {
  return {
      {"free", entry<freeTensors>},     {"describe", entry<describeTensor>}, {"fromBuffer", entry<fromBuffer>},
      {"toBuffer", entry<toBuffer>},    {"copyInto", entry<copyInto>},       {"item", entry<item>},
      {"toText", entry<toText>},        {"alias", entry<alias>},             {"memory", entry<memory>},
      {"send", entry<sendTensor>},      {"receive", entry<receiveTensor>},
  };
}

}  // namespace rediff
