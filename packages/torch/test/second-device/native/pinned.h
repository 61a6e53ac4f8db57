// Host memory for copies that nobody waits for, as a GPU's driver has it. A copy from it that does not block is made when
// the device next computes, or is read: not when it was asked for. So whoever writes into such memory meanwhile uploads
// something else, as with a GPU. Memory that is given up before stays until then, as libtorch's own allocator of such
// memory has it (by the events of streams); once it is free it is written over.
#pragma once

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/from_blob.h>

#include <functional>
#include <map>
#include <mutex>

#include "memory.h"

namespace apart {

class PinnedMemory final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    if (bytes == 0) return {nullptr, c10::kCPU};
    auto host = c10::GetCPUAllocator()->allocate(bytes);
    void* start = host.get();
    std::lock_guard<std::mutex> lock(mutex_);
    blocks_.emplace(start, Block{std::move(host), bytes});
    return {start, start, &giveUp, c10::kCPU};
  }
  void copy_data(void* to, const void* from, size_t bytes) const override {
    std::memcpy(to, from, bytes);
  }

  bool has(const void* memory) {
    std::lock_guard<std::mutex> lock(mutex_);
    return find(memory) != blocks_.end();
  }

  /** A copy that is made later; false where it cannot be one, because a value has to be converted. */
  bool upload(const at::Tensor& from, const at::Tensor& to) {
    if (from.dtype() != to.dtype() || from.numel() == 0) return false;
    std::lock_guard<std::mutex> lock(mutex_);
    auto block = find(from.const_data_ptr());
    if (block == blocks_.end()) return false;
    block->second.copies++;
    // Over the memory, which the block keeps, and not the tensor: that would keep it whatever the block says.
    auto source = at::from_blob(from.data_ptr(), from.sizes(), from.strides(), from.options().pinned_memory(false));
    waiting_.push_back({block->first, source, to});
    return true;
  }

  /** Everything that was asked for. */
  void settle() {
    std::lock_guard<std::mutex> lock(mutex_);
    at::AutoDispatchBelowADInplaceOrView below;
    for (auto& [start, from, to] : waiting_) {
      Aliases aliases;
      aliases.onHost(to).copy_(from);
      auto block = blocks_.find(start);
      if (--block->second.copies == 0 && block->second.isGivenUp) end(block);
    }
    waiting_.clear();
  }

 private:
  struct Block {
    c10::DataPtr memory;
    size_t bytes;
    int copies = 0;
    bool isGivenUp = false;
  };
  struct Copy {
    const void* start;
    at::Tensor from, to;
  };
  using Blocks = std::map<const void*, Block>;

  static void giveUp(void* start);

  void release(const void* start) {
    std::lock_guard<std::mutex> lock(mutex_);
    auto block = blocks_.find(start);
    if (block->second.copies == 0)
      end(block);
    else
      block->second.isGivenUp = true;
  }

  void end(Blocks::iterator block) {
    std::memset(block->second.memory.get(), 0xff, block->second.bytes);
    blocks_.erase(block);
  }

  Blocks::iterator find(const void* memory) {
    auto after = blocks_.upper_bound(memory);
    if (after == blocks_.begin()) return blocks_.end();
    auto block = std::prev(after);
    auto offset = static_cast<const char*>(memory) - static_cast<const char*>(block->first);
    return static_cast<size_t>(offset) < block->second.bytes ? block : blocks_.end();
  }

  std::mutex mutex_;
  Blocks blocks_;
  std::vector<Copy> waiting_;
};

/** Never destroyed: at exit some of its memory may outlive it. */
inline PinnedMemory& pinned() {
  static PinnedMemory& one = *new PinnedMemory;
  return one;
}

inline void PinnedMemory::giveUp(void* start) {
  pinned().release(start);
}

}  // namespace apart
