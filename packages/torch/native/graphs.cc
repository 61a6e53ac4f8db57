// Graphs: what a device did once, done again at one word of the host. Only their names are here. Each backend brings its own
// implementation under them (native/cuda has CUDA's), and the device of `anchor`, any tensor, says which is meant.
//
// From `capture_begin` to `capture_end` this thread's operators on that device are recorded and do not run; `dry` has them
// run, on the same stream, and records nothing: whatever a library makes when it is first used is there afterwards.
// `replay` runs what was recorded, on the same memory, in the order of the device's other work.
#include <torch/library.h>

#include "env.h"

namespace rediff {
namespace {

/** libtorch's own way of saying this ends a process that says it twice, as one with two copies of this package does. */
const torch::Library names = [] {
  torch::Library library(torch::Library::FRAGMENT, "rediff", std::nullopt, __FILE__, __LINE__);
  if (c10::Dispatcher::singleton().findSchema({"rediff::replay", ""})) return library;
  library.def("capture_begin(Tensor anchor, bool dry) -> ()");
  library.def("capture_end(Tensor anchor) -> int");  // the graph's number; -1 for a dry run
  library.def("replay(Tensor anchor, int graph) -> ()");
  library.def("drop_graph(Tensor anchor, int graph) -> ()");
  return library;
}();

/** hasGraphs("cuda:0"): whether a library has brought the operators above for such a device. */
napi_value hasGraphs(Call& call) {
  const c10::Device device(toString(call.e, call[0], "device"));
  const auto op = c10::Dispatcher::singleton().findSchemaOrThrow("rediff::replay", "");
  const auto key = c10::computeDispatchKey(std::nullopt, std::nullopt, device);
  return fromBool(call.e, op.hasKernelForDispatchKey(key));
}

}  // namespace

std::vector<NativeFunction> graphFunctions() {
  return {function<"hasGraphs", hasGraphs>()};
}

}  // namespace rediff
