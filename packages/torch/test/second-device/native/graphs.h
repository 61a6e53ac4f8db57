// Graphs on the second device, as strict as CUDA's. What is captured is written down, operator by operator, with the memory
// that it reads and writes; a replay does it again on that memory. Captured work is not done: when the capture ends, memory
// that was made in it is filled with NaN, and other memory that it wrote to holds again what it held before.
#pragma once

#include <ATen/core/dispatch/Dispatcher.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "memory.h"
#include "pinned.h"
#include "transfers.h"

namespace apart {

/** Memory that was there before a capture. A graph does not keep it. */
struct Foreign {
  c10::weak_intrusive_ptr<c10::StorageImpl> storage;
  const void* start;
  std::string first;  // who used it first
};

struct Graph {
  c10::Device device;
  std::vector<std::function<void()>> steps;
  std::vector<c10::Storage> own;  // the pool: kept until the graph goes, whoever else has let go of it
  std::map<const c10::StorageImpl*, Foreign> foreign;

  bool owns(const at::Tensor& tensor) const {
    const auto* storage = tensor.storage().unsafeGetStorageImpl();
    return std::any_of(own.begin(), own.end(), [&](const auto& each) { return each.unsafeGetStorageImpl() == storage; });
  }
};

struct Capture {
  std::shared_ptr<Graph> graph;  // none in a dry run
  std::map<const c10::StorageImpl*, std::vector<char>> before;  // of foreign memory that was written to
};

inline thread_local std::optional<Capture> underWay;

/** The graph that is being captured by this thread, if any. */
inline Graph* capturing() {
  return underWay ? underWay->graph.get() : nullptr;
}

/** Writes down what crosses; a graph cannot have it done again. */
inline void cross(
    const char* direction, const std::string& operatorName, const at::Tensor& tensor, const char* how = "") {
  TORCH_CHECK(capturing() == nullptr, operatorName, ": no ", direction, " while a graph is captured");
  note(direction, operatorName, tensor, how);
}

/** Memory made during a capture is the graph's. */
inline const at::Tensor& made(const at::Tensor& tensor) {
  if (auto* graph = capturing()) graph->own.push_back(tensor.storage());
  return tensor;
}

/** An operator under capture reads this memory, or writes to it. */
inline void touched(const std::string& operatorName, const at::Tensor& tensor, bool writes) {
  auto* graph = capturing();
  if (graph == nullptr) return;
  TORCH_CHECK(
      tensor.device() == graph->device, operatorName, ": a tensor is on ", tensor.device(), " while a graph of ",
      graph->device, " is captured");
  if (graph->owns(tensor)) return;
  auto* storage = tensor.storage().unsafeGetStorageImpl();
  auto weak = c10::weak_intrusive_ptr<c10::StorageImpl>(
      c10::intrusive_ptr<c10::StorageImpl>::reclaim_copy(storage));
  graph->foreign.try_emplace(storage, Foreign{std::move(weak), storage->data(), operatorName});
  if (!writes || underWay->before.count(storage) > 0) return;
  const auto* bytes = static_cast<const char*>(unmarked(storage->data()));
  underWay->before.emplace(storage, std::vector<char>(bytes, bytes + storage->nbytes()));
}

/** Other memory than the graph's own cannot be exchanged for more. */
inline void assertMayGrow(const std::string& operatorName, const at::Tensor& tensor) {
  TORCH_CHECK(
      capturing() == nullptr || capturing()->owns(tensor), operatorName, ": memory cannot grow while a graph is captured");
}

/** What a replay does at this point. */
inline void recordStep(std::function<void()> step) {
  if (auto* graph = capturing()) graph->steps.push_back(std::move(step));
}

struct Graphs {
  std::mutex mutex;
  std::map<int64_t, std::shared_ptr<Graph>> all;
  int64_t next = 0;
};

inline Graphs& graphs() {
  static Graphs& one = *new Graphs;
  return one;
}

inline void captureBegin(const at::Tensor& anchor, bool dry) {
  TORCH_CHECK(!underWay, "a graph is being captured already");
  pinned().settle();
  underWay.emplace();
  if (dry) return;
  underWay->graph = std::make_shared<Graph>(Graph{anchor.device(), {}, {}, {}});
  isCapturing = true;
}

inline int64_t captureEnd(const at::Tensor&) {
  TORCH_CHECK(underWay, "no graph is being captured");
  Capture capture = std::move(*underWay);
  underWay.reset();
  isCapturing = false;
  if (capture.graph == nullptr) return -1;
  for (const auto& own : capture.graph->own) std::memset(unmarked(own.mutable_data()), 0xff, own.nbytes());
  for (const auto& [storage, bytes] : capture.before)
    std::memcpy(unmarked(capture.graph->foreign.at(storage).storage.lock()->mutable_data()), bytes.data(), bytes.size());
  auto& known = graphs();
  std::lock_guard<std::mutex> lock(known.mutex);
  known.all.emplace(known.next, std::move(capture.graph));
  return known.next++;
}

inline void replay(const at::Tensor&, int64_t number) {
  TORCH_CHECK(!underWay, "no replay while a graph is captured");
  auto& known = graphs();
  std::shared_ptr<Graph> graph;
  {
    std::lock_guard<std::mutex> lock(known.mutex);
    TORCH_CHECK(known.all.count(number) > 0, "there is no graph ", number);
    graph = known.all.at(number);
  }
  for (const auto& [_, foreign] : graph->foreign) {
    auto storage = foreign.storage.lock();
    TORCH_CHECK(
        storage && storage->data() == foreign.start, "the graph uses memory (first in ", foreign.first,
        ") that was freed or has moved since it was captured");
  }
  pinned().settle();
  for (const auto& step : graph->steps) step();
}

inline void dropGraph(const at::Tensor&, int64_t number) {
  auto& known = graphs();
  std::lock_guard<std::mutex> lock(known.mutex);
  TORCH_CHECK(known.all.erase(number) == 1, "there is no graph ", number);
}

/** How many there are: for tests of leaks. */
inline int64_t countGraphs() {
  auto& known = graphs();
  std::lock_guard<std::mutex> lock(known.mutex);
  return static_cast<int64_t>(known.all.size());
}

}  // namespace apart
