// TCP stores: makeStore, storeConnect, storeSet ...
#pragma once

#include <c10/util/Logging.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>

#include <mutex>

#include "../env.h"
#include "entries.h"

namespace rediff {
namespace {

using Bytes = std::vector<uint8_t>;

napi_value bytesToText(napi_env env, const Bytes& bytes) {
  napi_value text;
  napi_create_string_utf8(env, reinterpret_cast<const char*>(bytes.data()), bytes.size(), &text);
  return text;
}

Bytes textToBytes(const std::string& text) {
  return Bytes(text.begin(), text.end());
}

Outcome text(Bytes value) {
  return valueOf([value = std::move(value)](napi_env env) { return bytesToText(env, value); });
}

/** Has c10d log by TORCH_CPP_LOG_LEVEL, which src/native.ts sets and only Python's torch reads by itself. */
void readLogLevel() {
  static std::once_flag once;
  std::call_once(once, [] { c10::initLogging(); });
}

/** makeStore(host, port, isServer, timeoutMs, prefix): its number, at once; storeConnect connects it. */
napi_value makeStore(Call& call) {
  readLogLevel();
  auto entry = std::make_shared<StoreEntry>();
  entry->host = toString(call.e, call[0], "host");
  entry->options.port = static_cast<uint16_t>(toInt(call.e, call[1], "port"));
  entry->options.isServer = toBool(call.e, call[2], "isServer");
  entry->options.timeout = milliseconds(toInt(call.e, call[3], "timeoutMs"));
  entry->options.waitWorkers = false;
  entry->prefix = toString(call.e, call[4], "prefix");
  entry->runner.start(call.e.env);
  return fromInt(call.e, stores().add(entry));
}

std::shared_ptr<StoreEntry> storeAt(Call& call) {
  return stores().get(toInt(call.e, call[0], "store"), "the store");
}

/** A job of a store that is connected. */
template <typename Job>
napi_value withStore(Call& call, Job&& job) {
  auto entry = storeAt(call);
  return entry->runner->run(call.e.env, [entry, job = std::forward<Job>(job)]() -> Outcome {
    if (!entry->store) throw std::runtime_error("the store is not connected");
    return job(*entry->store);
  });
}

/** The port that it is at: the one that the system chose, where 0 was asked for. */
napi_value storeConnect(Call& call) {
  auto entry = storeAt(call);
  return entry->runner->run(call.e.env, [entry] {
    entry->tcp = c10::make_intrusive<c10d::TCPStore>(entry->host, entry->options);
    entry->store = entry->tcp;
    if (!entry->prefix.empty()) entry->store = c10::make_intrusive<c10d::PrefixStore>(entry->prefix, entry->tcp);
    return integer(entry->tcp->getPort());
  });
}

napi_value storeSet(Call& call) {
  auto key = toString(call.e, call[1], "key");
  auto value = textToBytes(toString(call.e, call[2], "value"));
  return withStore(call, [key, value](c10d::Store& store) {
    store.set(key, value);
    return Outcome{};
  });
}

/** storeGet(store, key, timeoutMs): waits for the key. */
napi_value storeGet(Call& call) {
  auto key = toString(call.e, call[1], "key");
  milliseconds timeout(toInt(call.e, call[2], "timeoutMs"));
  return withStore(call, [key, timeout](c10d::Store& store) {
    store.wait({key}, timeout);
    return text(store.get(key));
  });
}

napi_value storeAdd(Call& call) {
  auto key = toString(call.e, call[1], "key");
  int64_t amount = toInt(call.e, call[2], "amount");
  return withStore(call, [key, amount](c10d::Store& store) { return integer(store.add(key, amount)); });
}

napi_value storeHas(Call& call) {
  auto key = toString(call.e, call[1], "key");
  return withStore(call, [key](c10d::Store& store) { return integer(store.check({key}) ? 1 : 0); });
}

napi_value storeCompareSet(Call& call) {
  auto key = toString(call.e, call[1], "key");
  auto expected = textToBytes(toString(call.e, call[2], "expected"));
  auto desired = textToBytes(toString(call.e, call[3], "desired"));
  return withStore(call,
                   [=](c10d::Store& store) { return text(store.compareSet(key, expected, desired)); });
}

napi_value storeDelete(Call& call) {
  auto key = toString(call.e, call[1], "key");
  return withStore(call, [key](c10d::Store& store) { return integer(store.deleteKey(key) ? 1 : 0); });
}

/** storeAbandon(store): closes one whose server does not answer, without waiting for what is under way. */
napi_value storeAbandon(Call& call) {
  auto entry = stores().remove(toInt(call.e, call[0], "store"));
  if (entry != nullptr) entry->runner->abandon(call.e.env);
  return nullptr;
}

napi_value storeClose(Call& call) {
  auto entry = stores().remove(toInt(call.e, call[0], "store"));
  if (entry == nullptr) throw BadArgument("the store was closed");
  return entry->runner->run(call.e.env, [entry] {
    entry->store.reset();
    entry->tcp.reset();
    return Outcome{};
  });
}

}  // namespace
}  // namespace rediff
