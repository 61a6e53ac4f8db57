// CUDA's implementation of the operators in native/graphs.cc, a library of its own: it is linked to the CUDA part of libtorch,
// which is opened only when somebody asks for a GPU. Needs no compiler of NVIDIA's, only CUDA's headers.
#include <ATen/cuda/CUDAEvent.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/library.h>

#include <map>
#include <memory>
#include <mutex>
#include <optional>

namespace rediff::cuda {
namespace {

using c10::cuda::CUDAStream;

/** One for each device and thread: what cuBLAS keeps for a stream is made once, in the first dry run. */
CUDAStream sideStream(c10::DeviceIndex device) {
  static thread_local std::map<c10::DeviceIndex, CUDAStream> streams;
  auto known = streams.find(device);
  if (known == streams.end()) known = streams.emplace(device, c10::cuda::getStreamFromPool(false, device)).first;
  return known->second;
}

/** `later` does what comes next when `earlier` has done what it was given. */
void follow(const CUDAStream& later, const CUDAStream& earlier) {
  at::cuda::CUDAEvent done;
  done.record(earlier);
  done.block(later);
}

struct Capture {
  std::unique_ptr<at::cuda::CUDAGraph> graph;  // none in a dry run
  CUDAStream before;
  CUDAStream side;
};

thread_local std::optional<Capture> underWay;

struct Graphs {
  std::mutex mutex;
  std::map<int64_t, std::shared_ptr<at::cuda::CUDAGraph>> all;
  int64_t next = 0;
};

/** Never destroyed: at the end of the process CUDA may be gone already. */
Graphs& graphs() {
  static Graphs& one = *new Graphs;
  return one;
}

std::shared_ptr<at::cuda::CUDAGraph> graphOf(int64_t number) {
  auto& known = graphs();
  std::lock_guard<std::mutex> lock(known.mutex);
  auto found = known.all.find(number);
  TORCH_CHECK(found != known.all.end(), "there is no graph ", number);
  return found->second;
}

/** On a stream of its own, since the usual one, the legacy default stream, cannot be captured. */
void captureBegin(const at::Tensor& anchor, bool dry) {
  TORCH_CHECK(!underWay, "a graph is being captured already");
  const c10::cuda::CUDAGuard guard(anchor.device());
  const auto index = anchor.device().index();
  Capture capture{nullptr, c10::cuda::getCurrentCUDAStream(index), sideStream(index)};
  follow(capture.side, capture.before);
  c10::cuda::setCurrentCUDAStream(capture.side);
  if (!dry) {
    try {
      capture.graph = std::make_unique<at::cuda::CUDAGraph>();
      // What the host must not do during a capture is an error in this thread alone: others (a tensor read without waiting,
      // another model) go on. The usual mode has their calls fail, or spoil the capture; the relaxed one would let our own
      // mistakes pass. Memory is of a pool that is this graph's alone.
      capture.graph->capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
    } catch (...) {
      c10::cuda::setCurrentCUDAStream(capture.before);
      throw;
    }
  }
  underWay.emplace(std::move(capture));
}

int64_t captureEnd(const at::Tensor& anchor) {
  TORCH_CHECK(underWay, "no graph is being captured");
  const c10::cuda::CUDAGuard guard(anchor.device());
  Capture capture = std::move(*underWay);
  underWay.reset();
  struct Back {
    const CUDAStream& stream;
    ~Back() {
      c10::cuda::setCurrentCUDAStream(stream);
    }
  } back{capture.before};
  if (capture.graph == nullptr) {
    follow(capture.before, capture.side);
    return -1;
  }
  capture.graph->capture_end();
  auto& known = graphs();
  std::lock_guard<std::mutex> lock(known.mutex);
  known.all.emplace(known.next, std::move(capture.graph));
  return known.next++;
}

/** On the current stream, behind what is on it. */
void replay(const at::Tensor& anchor, int64_t number) {
  const c10::cuda::CUDAGuard guard(anchor.device());
  graphOf(number)->replay();
}

void dropGraph(const at::Tensor& anchor, int64_t number) {
  const c10::cuda::CUDAGuard guard(anchor.device());
  const auto graph = graphOf(number);  // outlives the lock: its end gives memory back
  auto& known = graphs();
  std::lock_guard<std::mutex> lock(known.mutex);
  known.all.erase(number);
}

TORCH_LIBRARY_IMPL(rediff, CUDA, m) {
  m.impl("capture_begin", captureBegin);
  m.impl("capture_end", captureEnd);
  m.impl("replay", replay);
  m.impl("drop_graph", dropGraph);
}

}  // namespace
}  // namespace rediff::cuda
