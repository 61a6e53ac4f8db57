// The second device's memory. It is the host's, but a tensor knows it by an address with a bit set that no host
// address has: host code that reads a tensor's memory as if it were its own ends the process, as with a GPU's.
#pragma once

#include <ATen/EmptyTensor.h>
#include <ATen/core/Tensor.h>
#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>

#include <cstring>
#include <unordered_map>

namespace apart {

/** Two, so that what goes to the first device without being told stands out when the second is used. */
constexpr c10::DeviceIndex kDevices = 2;
constexpr uintptr_t kMark = uintptr_t(1) << 50;

inline void* marked(const void* host) {
  return host == nullptr ? nullptr : reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(host) | kMark);
}

inline void* unmarked(const void* device) {
  return reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(device) & ~kMark);
}

inline thread_local c10::DeviceIndex current = 0;

/** Whether this thread captures a graph (graphs.h): then nothing may wait for the device. */
inline thread_local bool isCapturing = false;
inline void assertMayWait() {
  TORCH_CHECK(!isCapturing, "the host cannot wait for the device while a graph is captured");
}

inline c10::Device placed(c10::DeviceIndex index) {
  return {c10::kPrivateUse1, index < 0 ? current : index};
}

/** Memory of the host as memory of the device; `owner` keeps it. */
template <typename Owner>
c10::DataPtr adopt(void* host, Owner owner, c10::Device device) {
  auto* kept = new Owner(std::move(owner));
  return {marked(host), kept, [](void* owner) { delete static_cast<Owner*>(owner); }, device};
}

struct Allocator final : c10::Allocator {
  c10::DataPtr allocate(size_t bytes) override {
    auto host = c10::GetCPUAllocator()->allocate(bytes);
    void* start = host.get();
    // NaN, or -1: what is read before it was written shows.
    if (bytes > 0) std::memset(start, 0xff, bytes);
    return adopt(start, std::move(host), placed(-1));
  }
  void copy_data(void* to, const void* from, size_t bytes) const override {
    std::memcpy(unmarked(to), unmarked(from), bytes);
  }
};

inline Allocator& allocator() {
  static Allocator& one = *new Allocator;
  return one;
}

/** Devices are chosen by thread, and everything is done when it was asked for. */
struct Guard final : c10::impl::DeviceGuardImplInterface {
  c10::DeviceType type() const override {
    return c10::kPrivateUse1;
  }
  c10::Device exchangeDevice(c10::Device device) const override {
    c10::Device before = placed(-1);
    setDevice(device);
    return before;
  }
  c10::Device getDevice() const override {
    return placed(-1);
  }
  void setDevice(c10::Device device) const override {
    TORCH_CHECK(device.index() < kDevices, "there is no device ", device);
    uncheckedSetDevice(device);
  }
  void uncheckedSetDevice(c10::Device device) const noexcept override {
    if (device.has_index()) current = device.index();
  }
  c10::Stream getStream(c10::Device device) const override {
    return c10::Stream(c10::Stream::DEFAULT, placed(device.index()));
  }
  c10::Stream getDefaultStream(c10::Device device) const override {
    return getStream(device);
  }
  c10::Stream getNewStream(c10::Device device, int) const override {
    return getStream(device);
  }
  c10::Stream exchangeStream(c10::Stream stream) const override {
    return getStream(stream.device());
  }
  void record(void**, const c10::Stream&, const c10::DeviceIndex, const c10::EventFlag) const override {}
  void block(void*, const c10::Stream&) const override {}
  bool queryEvent(void*) const override {
    return true;
  }
  bool queryStream(const c10::Stream&) const override {
    return true;
  }
  void synchronizeStream(const c10::Stream&) const override {
    assertMayWait();
  }
  void synchronizeEvent(void*) const override {
    assertMayWait();
  }
  void synchronizeDevice(const c10::DeviceIndex) const override {
    assertMayWait();
  }
  c10::DeviceIndex deviceCount() const noexcept override {
    return kDevices;
  }
};

/** The tensors of one call as the CPU sees them, and its results as the device does. */
class Aliases {
 public:
  /** A CPU tensor over a device tensor's memory; tensors that share memory still do. */
  at::Tensor onHost(const at::Tensor& tensor) {
    auto* storage = tensor.storage().unsafeGetStorageImpl();
    auto known = hosts_.find(storage);
    if (known == hosts_.end()) {
      c10::DataPtr data(unmarked(tensor.storage().data()), c10::kCPU);
      c10::Storage host(
          c10::Storage::use_byte_size_t(), tensor.storage().nbytes(), std::move(data), c10::GetCPUAllocator(), true);
      known = hosts_.emplace(storage, host).first;
      devices_.emplace(host.unsafeGetStorageImpl(), tensor);
    }
    return shaped(
        at::detail::make_tensor<c10::TensorImpl>(
            c10::Storage(known->second), c10::DispatchKeySet(c10::DispatchKey::CPU), tensor.dtype()),
        tensor);
  }

  /** A device tensor over the memory of a result: a view where that is an argument's, or another result's. */
  at::Tensor onDevice(const at::Tensor& result, c10::Device device) {
    auto* storage = result.storage().unsafeGetStorageImpl();
    if (auto known = devices_.find(storage); known != devices_.end()) {
      const at::Tensor& base = known->second;
      // With the base's keys: what is viewed while nothing is recorded may be recorded later.
      return shaped(
          at::detail::make_tensor<c10::TensorImpl>(
              c10::TensorImpl::VIEW, c10::Storage(base.storage()), base.key_set(), result.dtype()),
          result);
    }
    c10::Storage kept = result.storage();
    auto data = adopt(result.storage().mutable_data(), kept, device);
    c10::Storage made(c10::Storage::use_byte_size_t(), kept.nbytes(), std::move(data), &allocator(), true);
    auto tensor = shaped(
        at::detail::make_tensor<c10::TensorImpl>(
            std::move(made), c10::DispatchKeySet(c10::DispatchKey::PrivateUse1), result.dtype()),
        result);
    devices_.emplace(storage, tensor);
    return tensor;
  }

  /** What an operator that writes into `tensor` did to its shape, and to the size of its memory. */
  void takeShape(const at::Tensor& tensor, const at::Tensor& host) {
    auto* storage = tensor.storage().unsafeGetStorageImpl();
    if (host.storage().data() != unmarked(tensor.storage().data()) || host.storage().nbytes() != storage->nbytes()) {
      storage->set_data_ptr_noswap(adopt(host.storage().mutable_data(), host.storage(), tensor.device()));
      storage->set_nbytes(host.storage().nbytes());
    }
    if (tensor.sizes() != host.sizes() || tensor.strides() != host.strides() ||
        tensor.storage_offset() != host.storage_offset())
      tensor.unsafeGetTensorImpl()->set_sizes_and_strides(host.sizes(), host.strides(), host.storage_offset());
  }

  /** Whether a result lies in memory of an argument, or of another result. */
  bool knows(const at::Tensor& host) const {
    return devices_.count(host.storage().unsafeGetStorageImpl()) > 0;
  }

 private:
  static at::Tensor shaped(at::Tensor tensor, const at::Tensor& like) {
    tensor.unsafeGetTensorImpl()->set_sizes_and_strides(like.sizes(), like.strides(), like.storage_offset());
    return tensor;
  }

  std::unordered_map<const c10::StorageImpl*, c10::Storage> hosts_;
  std::unordered_map<const c10::StorageImpl*, at::Tensor> devices_;
};

}  // namespace apart
