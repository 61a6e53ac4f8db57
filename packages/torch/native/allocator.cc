// Memory of large CPU tensors, kept for the next tensor of its size instead of going back to the system.
//
// The C library maps every block above 32 MiB anew and unmaps it when it is freed, so each large result costs a page
// fault per 4 KiB, zeroed by the kernel: a sixth of the time of a transformer's elementwise operators. Blocks from
// kSmallest on are kept here up to a limit; smaller ones the C library recycles well by itself.
#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <sys/mman.h>

#include <cstdlib>
#include <iterator>
#include <list>
#include <map>

#include "env.h"

namespace rediff {
namespace {

constexpr size_t kAlignment = 64;  // what vectorised kernels want, and room for the header
constexpr size_t kSmallest = 1 << 20;
constexpr size_t kHugePage = 2 << 20;
// A block may serve a request that leaves at most an eighth of it unused.
constexpr size_t kWaste = 8;

struct Header {
  size_t capacity;  // bytes behind the header
};

/** Freed blocks by size. When they exceed the limit, those freed longest ago go: sizes that are needed no more, a
 *  longer prompt's or a model's while it was loaded, make room for those that are. */
class Cache {
 public:
  void* take(size_t bytes) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      auto found = bySize_.lower_bound(bytes);
      if (found != bySize_.end() && found->first - bytes <= found->first / kWaste) {
        void* data = *found->second;
        kept_ -= found->first;
        recent_.erase(found->second);
        bySize_.erase(found);
        return data;
      }
    }
    void* data = fresh(bytes);
    if (data == nullptr) {
      dropOldest(0);
      data = fresh(bytes);
    }
    TORCH_CHECK(data != nullptr, "out of memory: ", bytes, " bytes could not be allocated");
    return data;
  }

  void give(void* data) {
    size_t capacity = header(data)->capacity;
    size_t limit = 0;
    if (capacity >= kSmallest) {
      std::lock_guard<std::mutex> lock(mutex_);
      limit = limit_;
      if (capacity <= limit) {
        recent_.push_front(data);
        bySize_.emplace(capacity, recent_.begin());
        kept_ += capacity;
      }
    }
    if (capacity <= limit)
      dropOldest(limit);
    else
      std::free(header(data));
  }

  void setLimit(size_t limit) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      limit_ = limit;
    }
    dropOldest(limit);
  }

  size_t limit() {
    std::lock_guard<std::mutex> lock(mutex_);
    return limit_;
  }

  size_t kept() {
    std::lock_guard<std::mutex> lock(mutex_);
    return kept_;
  }

 private:
  static Header* header(void* data) {
    return reinterpret_cast<Header*>(static_cast<char*>(data) - kAlignment);
  }

  /** nullptr when there is none. */
  static void* fresh(size_t bytes) {
    bool large = bytes >= kHugePage;
    size_t alignment = large ? kHugePage : kAlignment;
    void* block = nullptr;
    if (posix_memalign(&block, alignment, bytes + kAlignment) != 0) return nullptr;
#ifdef MADV_HUGEPAGE
    if (large) madvise(block, bytes + kAlignment, MADV_HUGEPAGE);
#endif
    static_cast<Header*>(block)->capacity = bytes;
    return static_cast<char*>(block) + kAlignment;
  }

  /** Gives back the blocks freed longest ago until at most `limit` bytes are kept. */
  void dropOldest(size_t limit) {
    std::list<void*> dropped;  // unmapping takes time, so it happens outside of the lock
    {
      std::lock_guard<std::mutex> lock(mutex_);
      while (kept_ > limit) {
        auto oldest = std::prev(recent_.end());
        size_t capacity = header(*oldest)->capacity;
        auto entry = bySize_.lower_bound(capacity);
        while (entry->second != oldest) ++entry;
        bySize_.erase(entry);
        kept_ -= capacity;
        dropped.splice(dropped.end(), recent_, oldest);
      }
    }
    for (void* data : dropped) std::free(header(data));
  }

  std::mutex mutex_;
  std::list<void*> recent_;  // the last freed first
  std::multimap<size_t, std::list<void*>::iterator> bySize_;
  size_t kept_ = 0;
  size_t limit_ = 0;
};

Cache& cache() {
  static Cache* instance = new Cache();  // never destroyed: tensors may outlive static objects at exit
  return *instance;
}

void release(void* data) {
  if (data != nullptr) cache().give(data);
}

class KeepingAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    void* data = bytes == 0 ? nullptr : cache().take(bytes);
    return {data, data, &release, c10::Device(c10::DeviceType::CPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override {
    return &release;
  }
  void copy_data(void* to, const void* from, size_t bytes) const override {
    default_copy_data(to, from, bytes);
  }
};

/** keepMemory(bytes): how much freed memory of large CPU tensors to keep for reuse; 0 keeps none. */
napi_value keepMemory(Call& call) {
  static std::once_flag installed;
  std::call_once(installed, [] {
    static KeepingAllocator* allocator = new KeepingAllocator();
    c10::SetCPUAllocator(allocator, /*priority=*/1);
  });
  int64_t limit = toInt(call.e, call[0], "bytes");
  if (limit < 0) throw BadArgument("bytes must be 0 or more");
  cache().setLimit(static_cast<size_t>(limit));
  return undefined(call.e);
}

/** keptMemory(): [bytes kept now, limit] */
napi_value keptMemory(Call& call) {
  napi_value array = newArray(call.e, 2);
  setElement(call.e, array, 0, fromDouble(call.e, static_cast<double>(cache().kept())));
  setElement(call.e, array, 1, fromDouble(call.e, static_cast<double>(cache().limit())));
  return array;
}

}  // namespace

std::vector<NativeFunction> allocatorFunctions() {
  return {function<"keepMemory", keepMemory>(), function<"keptMemory", keptMemory>()};
}

}  // namespace rediff
