// Elements read without waiting: a thread of Node's pool waits for the device and copies.
#include <c10/core/InferenceMode.h>

#include <cstring>

#include "env.h"

namespace rediff {
namespace {

struct Reading {
  napi_async_work work = nullptr;
  napi_deferred deferred = nullptr;
  napi_ref buffer = nullptr;  // keeps the memory behind `start`
  at::Tensor tensor;
  void* start = nullptr;
  std::string error;
};

void read(napi_env, void* data) {
  auto* reading = static_cast<Reading*>(data);
  try {
    c10::InferenceMode mode;
    at::Tensor copy = reading->tensor.to(at::kCPU).contiguous();
    std::memcpy(reading->start, copy.const_data_ptr(), copy.nbytes());
  } catch (const c10::Error& error) {
    reading->error = error.what_without_backtrace();
  } catch (const std::exception& error) {
    reading->error = error.what();
  }
}

void settle(napi_env env, napi_status status, void* data) {
  std::unique_ptr<Reading> reading(static_cast<Reading*>(data));
  napi_delete_async_work(env, reading->work);
  napi_delete_reference(env, reading->buffer);
  napi_value result = nullptr;
  if (status == napi_ok && reading->error.empty()) {
    napi_get_undefined(env, &result);
    napi_resolve_deferred(env, reading->deferred, result);
    return;
  }
  std::string text = "reading a tensor: " + (reading->error.empty() ? std::string("cancelled") : reading->error);
  napi_value message = nullptr;
  napi_create_string_utf8(env, text.data(), text.size(), &message);
  napi_create_error(env, nullptr, message, &result);
  napi_reject_deferred(env, reading->deferred, result);
}

/** fetchInto(slot, ArrayBuffer): a promise of the elements in row-major order, as they are when it settles. */
napi_value fetchInto(Call& call) {
  Env& e = call.e;
  auto reading = std::make_unique<Reading>();
  reading->tensor = toTensor(e, call[0], "tensor").detach();
  size_t available = 0;
  check(e, napi_get_arraybuffer_info(e.env, call[1], &reading->start, &available), "buffer");
  if (reading->tensor.numel() * reading->tensor.element_size() > static_cast<int64_t>(available))
    throw BadArgument("the buffer is too small");
  check(e, napi_create_reference(e.env, call[1], 1, &reading->buffer), "buffer");
  napi_value name = fromString(e, "rediff read"), promise = nullptr;
  check(e, napi_create_promise(e.env, &reading->deferred, &promise), "promise");
  check(e, napi_create_async_work(e.env, nullptr, name, read, settle, reading.get(), &reading->work), "work");
  check(e, napi_queue_async_work(e.env, reading->work), "work");
  reading.release();  // settle's
  return promise;
}

}  // namespace

std::vector<NativeFunction> readingFunctions() {
  return {function<"fetchInto", fetchInto>()};
}

}  // namespace rediff
