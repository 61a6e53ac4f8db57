// Stores and groups as JavaScript holds them: by number, each with a thread of its own.
#pragma once

#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include "runner-thread.h"

namespace rediff {
namespace {

using std::chrono::milliseconds;

/** The thread of a store or a group: it ends when the table and the jobs have let go of them. */
class OwnRunner {
 public:
  OwnRunner() = default;
  OwnRunner(const OwnRunner&) = delete;
  OwnRunner& operator=(const OwnRunner&) = delete;
  ~OwnRunner() {
    if (runner_) runner_->finish();
  }
  void start(napi_env env) { runner_ = Runner::start(env); }
  Runner* operator->() const { return runner_.get(); }

 private:
  std::shared_ptr<Runner> runner_;
};

struct StoreEntry {
  OwnRunner runner;
  std::string host;
  c10d::TCPStoreOptions options;
  std::string prefix;
  // Set by the first job of the runner, used by its later ones, and by groups once it is connected.
  c10::intrusive_ptr<c10d::TCPStore> tcp;
  c10::intrusive_ptr<c10d::Store> store;
};

struct GroupEntry {
  OwnRunner runner;
  c10::intrusive_ptr<c10d::Backend> backend;
  int rank = 0;
  int size = 1;
  milliseconds timeout{0};
  /** Gloo makes an all-reduce of a reduce-scatter, which sends twice as much: see scatterByExchange. */
  bool isGloo = false;
};

/** By number, of all threads. */
template <typename Entry>
class Table {
 public:
  int64_t add(std::shared_ptr<Entry> entry) {
    std::lock_guard<std::mutex> lock(mutex_);
    entries_[++last_] = std::move(entry);
    return last_;
  }
  std::shared_ptr<Entry> get(int64_t id, const char* what) {
    std::lock_guard<std::mutex> lock(mutex_);
    auto found = entries_.find(id);
    if (found == entries_.end()) throw BadArgument(std::string(what) + " was closed");
    return found->second;
  }
  std::shared_ptr<Entry> remove(int64_t id) {
    std::lock_guard<std::mutex> lock(mutex_);
    auto found = entries_.find(id);
    if (found == entries_.end()) return nullptr;
    auto entry = found->second;
    entries_.erase(found);
    return entry;
  }

 private:
  std::mutex mutex_;
  int64_t last_ = 0;
  std::unordered_map<int64_t, std::shared_ptr<Entry>> entries_;
};

Table<StoreEntry>& stores() {
  static auto* table = new Table<StoreEntry>();  // never destroyed: runners may outlive main()
  return *table;
}

Table<GroupEntry>& groups() {
  static auto* table = new Table<GroupEntry>();
  return *table;
}

template <typename Make>
Outcome valueOf(Make&& make) {
  Outcome outcome;
  outcome.toValue = std::forward<Make>(make);
  return outcome;
}

Outcome integer(int64_t value) {
  return valueOf([value](napi_env env) {
    napi_value number;
    napi_create_int64(env, value, &number);
    return number;
  });
}

}  // namespace
}  // namespace rediff
