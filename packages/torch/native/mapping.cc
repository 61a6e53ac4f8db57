// Files as tensors, mapped: nothing is read before it is used, and what was read the system may drop again.
//
// libtorch's own `from_file` maps private pages that can be written to without MAP_NORESERVE. The kernel counts such a mapping
// as memory that may be taken, and refuses one that is larger than all memory: the very file for which mapping is the only way.
#include <ATen/ops/from_blob.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>

#include "env.h"

namespace rediff {
namespace {

std::string refusal(int error) {
  std::string reason = std::strerror(error);
  if (error != ENOMEM) return reason;
  return reason + "; the system grants no address space for it (ulimit -v, or vm.overcommit_memory=2)";
}

/** mapFile(descriptor, bytes): uint8 [bytes]; the descriptor may be closed, and the mapping lives as long as the tensor. What is
 *  written into it changes memory, never the file, which has to have so many bytes: beyond its end the process dies. */
napi_value mapFile(Call& call) {
  Env& e = call.e;
  int64_t descriptor = toInt(e, call[0], "descriptor");
  int64_t bytes = toInt(e, call[1], "bytes");
  if (bytes < 1) throw BadArgument("there is nothing to map");
  void* start = mmap(nullptr, static_cast<size_t>(bytes), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE,
                     static_cast<int>(descriptor), 0);
  if (start == MAP_FAILED) throw BadArgument(refusal(errno));
  auto tensor = at::from_blob(
      start, {bytes}, [bytes](void* memory) { munmap(memory, static_cast<size_t>(bytes)); },
      at::TensorOptions().dtype(at::kByte));
  return fromInt(e, e.put(std::move(tensor)));
}

}  // namespace

std::vector<NativeFunction> mappingFunctions() {
  return {function<"mapFile", mapFile>()};
}

}  // namespace rediff
