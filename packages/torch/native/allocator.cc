// Memory of large CPU tensors, kept for the next tensor of its size instead of going back to the system.
//
// The C library maps every block above 32 MiB anew and unmaps it when it is freed, so each large result costs a page
// fault per 4 KiB, zeroed by the kernel: a sixth of the time of a transformer's elementwise operators. Blocks from
// kSmallest on are kept here up to a limit; smaller ones the C library recycles well by itself.
#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <limits>
#include <list>
#include <map>
#include <mutex>
#include <sstream>
#include <string>

#include "env.h"

namespace rediff {
namespace {

constexpr size_t kAlignment = 64;  // what vectorised kernels want, and room for the header
constexpr size_t kSmallest = 1 << 20;
constexpr size_t kHugePage = 2 << 20;
// A block may serve a request that leaves at most an eighth of it unused.
constexpr size_t kWaste = 8;

// From here on a block is compared with the memory that there is: the system gives out more than it has, and ends the
// process that uses it.
constexpr size_t kJudged = size_t(256) << 20;
constexpr size_t kUnknown = std::numeric_limits<size_t>::max();

/** The number behind a name in a file of lines; kUnknown where there is none. @param name "" for the whole file */
size_t numberIn(const char* path, const std::string& name) {
  std::ifstream file(path);
  std::string word;
  while (file >> word) {
    size_t number = 0;
    if (name.empty()) return std::istringstream(word) >> number ? number : kUnknown;
    if (word == name) return file >> number ? number : kUnknown;
  }
  return kUnknown;
}

size_t leftOf(size_t limit, size_t used, size_t reclaimable) {
  if (limit == kUnknown || used == kUnknown) return kUnknown;
  if (reclaimable != kUnknown) used -= std::min(used, reclaimable);
  return limit - std::min(limit, used);
}

/** Bytes that the process may still take, swap included; kUnknown on other systems than Linux. */
size_t availableBytes() {
  size_t available = numberIn("/proc/meminfo", "MemAvailable:");
  if (available == kUnknown) return kUnknown;
  size_t swap = numberIn("/proc/meminfo", "SwapFree:");
  size_t bytes = (available + (swap == kUnknown ? 0 : swap)) * 1024;
  const std::string v2 = "/sys/fs/cgroup/", v1 = "/sys/fs/cgroup/memory/";
  size_t inContainer = std::min(
      leftOf(
          numberIn((v2 + "memory.max").c_str(), ""), numberIn((v2 + "memory.current").c_str(), ""),
          numberIn((v2 + "memory.stat").c_str(), "inactive_file")),
      leftOf(
          numberIn((v1 + "memory.limit_in_bytes").c_str(), ""), numberIn((v1 + "memory.usage_in_bytes").c_str(), ""),
          numberIn((v1 + "memory.stat").c_str(), "total_inactive_file")));
  return std::min(bytes, inContainer);
}

std::string gib(size_t bytes) {
  std::ostringstream text;
  text.precision(1);
  text << std::fixed << static_cast<double>(bytes) / (1 << 30) << " GiB";
  return text.str();
}

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
    if (bytes >= kJudged && bytes > availableBytes()) {
      dropOldest(0);
      size_t available = availableBytes();
      TORCH_CHECK(
          bytes <= available, "out of memory: a tensor of ", gib(bytes), " is wanted, and ", gib(available),
          " are available. Use smaller or fewer inputs at a time, bfloat16, or a machine with more memory");
    }
    void* data = fresh(bytes);
    if (data == nullptr) {
      dropOldest(0);
      data = fresh(bytes);
    }
    TORCH_CHECK(
        data != nullptr, "out of memory: a tensor of ", gib(bytes),
        " could not be allocated. Use smaller or fewer inputs at a time, bfloat16, or a machine with more memory");
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
    if (bytes > std::numeric_limits<size_t>::max() - kHugePage) return nullptr;
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

/** For all tensors of the process: also without anything kept, what cannot be had is refused in words. */
void install() {
  static std::once_flag installed;
  std::call_once(installed, [] {
    static KeepingAllocator* allocator = new KeepingAllocator();
    c10::SetCPUAllocator(allocator, /*priority=*/1);
  });
}

/** keepMemory(bytes): how much freed memory of large CPU tensors to keep for reuse; 0 keeps none. */
napi_value keepMemory(Call& call) {
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
  install();
  return {function<"keepMemory", keepMemory>(), function<"keptMemory", keptMemory>()};
}

}  // namespace rediff
