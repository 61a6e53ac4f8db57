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

/** shareGivenUp(Int32Array): the list of Env::givenUp; the caller keeps it alive as long as the thread lives. */
napi_value shareGivenUp(Call& call) {
  napi_typedarray_type type;
  size_t length = 0;
  void* data = nullptr;
  if (napi_get_typedarray_info(call.e.env, call[0], &type, &length, &data, nullptr, nullptr) != napi_ok ||
      type != napi_int32_array || length < 2)
    throw BadArgument("shareGivenUp takes an Int32Array");
  call.e.givenUp = static_cast<int32_t*>(data);
  return undefined(call.e);
}

/** free(slots, count): slots that are free already are skipped. */
napi_value freeTensors(Call& call) {
  Env& e = call.e;
  napi_typedarray_type type;
  size_t length = 0;
  void* data = nullptr;
  if (napi_get_typedarray_info(e.env, call[0], &type, &length, &data, nullptr, nullptr) != napi_ok || type != napi_int32_array)
    throw BadArgument("free takes an Int32Array");
  int64_t count = std::min(toInt(e, call[1], "count"), static_cast<int64_t>(length));
  const int32_t* slots = static_cast<int32_t*>(data);
  for (int64_t i = 0; i < count; i++) e.drop(slots[i]);
  e.drainReleased();
  return undefined(e);
}

/** describe(slot): [dtype, device type, device index, size, size, ...] */
napi_value describeTensor(Call& call) {
  Env& e = call.e;
  const auto& t = toTensor(e, call[0], "tensor");
  auto sizes = t.sizes();
  napi_value array = newArray(e, 3 + sizes.size());
  setElement(e, array, 0, fromInt(e, static_cast<int64_t>(t.scalar_type())));
  setElement(e, array, 1, fromInt(e, static_cast<int64_t>(t.device().type())));
  setElement(e, array, 2, fromInt(e, t.device().index()));
  for (size_t i = 0; i < sizes.size(); i++) setElement(e, array, 3 + i, fromInt(e, sizes[i]));
  return array;
}

/** An ArrayBuffer's memory from `offset` on. */
struct Bytes {
  char* start;
  int64_t size;
};

Bytes bytesOf(Env& e, napi_value buffer, napi_value offset) {
  void* data = nullptr;
  size_t size = 0;
  if (napi_get_arraybuffer_info(e.env, buffer, &data, &size) != napi_ok) throw BadArgument("not an ArrayBuffer");
  int64_t skip = toInt(e, offset, "byte offset");
  if (skip < 0 || skip > static_cast<int64_t>(size)) throw BadArgument("the byte offset lies outside of the buffer");
  return {static_cast<char*>(data) + skip, static_cast<int64_t>(size) - skip};
}

[[noreturn]] void tooSmall(int64_t needed, int64_t given) {
  throw BadArgument(std::to_string(needed) + " bytes are needed, the buffer has " + std::to_string(given));
}

/** fromBuffer(ArrayBuffer, byte offset, sizes, dtype): shares the memory, which lives as long as the tensor. */
napi_value fromBuffer(Call& call) {
  Env& e = call.e;
  auto [start, available] = bytesOf(e, call[0], call[1]);
  auto sizes = toIntList(e, call[2], "shape");
  auto dtype = static_cast<c10::ScalarType>(toInt(e, call[3], "dtype"));
  auto options = at::TensorOptions().dtype(dtype);
  int64_t elementSize = static_cast<int64_t>(c10::elementSize(dtype));
  int64_t needed = elementSize;
  for (int64_t size : sizes) {
    if (size < 0) throw BadArgument("the shape has a negative size");
    if (__builtin_mul_overflow(needed, size, &needed)) throw BadArgument("the shape is too large");
  }
  if (needed == 0) return fromInt(e, e.put(at::empty(sizes, options)));
  if (needed > available) tooSmall(needed, available);
  if (reinterpret_cast<uintptr_t>(start) % elementSize != 0)
    throw BadArgument("the byte offset is not a multiple of the element size");
  napi_ref reference = nullptr;
  check(e, napi_create_reference(e.env, call[0], 1, &reference), "buffer");
  auto queue = e.released;
  {
    std::lock_guard<std::mutex> lock(queue->mutex);
    queue->borrowed[start]++;
  }
  auto tensor = at::from_blob(
      start, sizes,
      [queue, reference](void* memory) {
        // The last use may be dropped by any thread; only the owning one may touch the reference.
        std::lock_guard<std::mutex> lock(queue->mutex);
        if (auto found = queue->borrowed.find(memory); --found->second == 0) queue->borrowed.erase(found);
        if (queue->closed) return;
        queue->references.push_back(reference);
        queue->waiting = true;
      },
      options);
  return fromInt(e, e.put(std::move(tensor)));
}

/** copyInto(slot, ArrayBuffer, byte offset): the elements in row-major order. The only place that waits for a GPU. */
napi_value copyInto(Call& call) {
  Env& e = call.e;
  auto t = toTensor(e, call[0], "tensor").detach().to(at::kCPU).contiguous();
  auto [start, available] = bytesOf(e, call[1], call[2]);
  int64_t needed = static_cast<int64_t>(t.nbytes());
  if (needed > available) tooSmall(needed, available);
  if (needed > 0) std::memcpy(start, t.const_data_ptr(), needed);
  return undefined(e);
}

/** item(slot): the only element as a number, boolean, or bigint where a number would lose digits. */
napi_value item(Call& call) {
  Env& e = call.e;
  auto scalar = toTensor(e, call[0], "tensor").item();
  if (scalar.isBoolean()) return fromBool(e, scalar.toBool());
  if (scalar.isFloatingPoint()) return fromDouble(e, scalar.toDouble());
  if (scalar.type() != c10::ScalarType::UInt64) return fromInt(e, scalar.toLong());
  uint64_t value = scalar.toUInt64();
  if (value <= INT64_MAX) return fromInt(e, static_cast<int64_t>(value));
  napi_value result = nullptr;
  check(e, napi_create_bigint_uint64(e.env, value, &result), "result");
  return result;
}

napi_value toText(Call& call) {
  Env& e = call.e;
  std::ostringstream text;
  text << toTensor(e, call[0], "tensor");
  return fromString(e, text.str());
}

/** alias(slot): another slot for the same tensor. */
napi_value alias(Call& call) {
  return fromInt(call.e, call.e.put(toTensor(call.e, call[0], "tensor")));
}

/** memory(): [live slots, bytes of the distinct storages behind them, bytes reported to V8] */
napi_value memory(Call& call) {
  Env& e = call.e;
  e.drainReleased();
  std::unordered_set<const c10::StorageImpl*> seen;
  double bytes = 0;
  for (const auto& slot : e.slots)
    if (slot.tensor.defined() && slot.tensor.has_storage() &&
        seen.insert(slot.tensor.storage().unsafeGetStorageImpl()).second)
      bytes += static_cast<double>(slot.tensor.storage().nbytes());
  napi_value array = newArray(e, 3);
  setElement(e, array, 0, fromInt(e, static_cast<int64_t>(e.live)));
  setElement(e, array, 1, fromDouble(e, bytes));
  setElement(e, array, 2, fromInt(e, e.reportedBytes));
  return array;
}

// --- handing tensors to another thread ---

struct Mailbox {
  std::mutex mutex;
  std::unordered_map<int64_t, at::Tensor> tensors;
  int64_t nextToken = 1;
};

/** Never destroyed: at exit libtorch may be gone before it. */
Mailbox& mailbox() {
  static Mailbox& box = *new Mailbox;
  return box;
}

/** send(slot): a token that `receive` turns into a tensor on any thread, once. Buffers of this thread's heap are
 *  copied, because they die with the thread. */
napi_value sendTensor(Call& call) {
  Env& e = call.e;
  auto t = toTensor(e, call[0], "tensor").detach();
  bool borrowed = false;
  if (t.has_storage()) {
    std::lock_guard<std::mutex> lock(e.released->mutex);
    borrowed = e.released->borrowed.count(t.storage().data()) > 0;
  }
  if (borrowed) t = t.clone();
  Mailbox& box = mailbox();
  std::lock_guard<std::mutex> lock(box.mutex);
  box.tensors.emplace(box.nextToken, std::move(t));
  return fromInt(e, box.nextToken++);
}

napi_value receiveTensor(Call& call) {
  Env& e = call.e;
  int64_t token = toInt(e, call[0], "token");
  Mailbox& box = mailbox();
  std::lock_guard<std::mutex> lock(box.mutex);
  auto found = box.tensors.extract(token);
  if (found.empty()) throw BadArgument("no tensor was sent under this token, or it was received already");
  return fromInt(e, e.put(std::move(found.mapped())));
}

}  // namespace

std::vector<NativeFunction> tensorFunctions() {
  return {
      function<"free", freeTensors>(),        function<"shareGivenUp", shareGivenUp>(),
      function<"describe", describeTensor>(), function<"fromBuffer", fromBuffer>(),
      function<"copyInto", copyInto>(),       function<"item", item>(),
      function<"toText", toText>(),           function<"alias", alias>(),
      function<"memory", memory>(),           function<"send", sendTensor>(),
      function<"receive", receiveTensor>(),
  };
}

}  // namespace rediff
