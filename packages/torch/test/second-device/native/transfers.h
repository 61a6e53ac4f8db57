// What crosses between the host and the second device, in order: tests count it and name it.
#pragma once

#include <ATen/core/Tensor.h>

#include <mutex>
#include <sstream>
#include <string>
#include <vector>

namespace apart {

struct Transfers {
  std::mutex mutex;
  bool recorded = false;
  std::vector<std::string> lines;
};

inline Transfers& transfers() {
  static Transfers& one = *new Transfers;
  return one;
}

/** "read aten::_local_scalar_dense int64 []" */
inline void note(const char* direction, const std::string& operatorName, const at::Tensor& tensor) {
  auto& all = transfers();
  std::lock_guard<std::mutex> lock(all.mutex);
  if (!all.recorded) return;
  std::ostringstream line;
  line << direction << ' ' << operatorName << ' ' << tensor.dtype().name() << ' '
       << tensor.sizes();
  all.lines.push_back(line.str());
}

}  // namespace apart
