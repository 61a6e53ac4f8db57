// What crosses between the host and the second device, and what attends there, in order: tests count it and name it.
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
  /** Apart, since it crosses nothing. */
  std::vector<std::string> kernels;
};

inline Transfers& transfers() {
  static Transfers& one = *new Transfers;
  return one;
}

/** "read aten::_local_scalar_dense int64 []", and with a word behind it where there is one to say */
inline std::string lineOf(const std::string& before, const std::string& name, const at::Tensor& tensor, const std::string& after = "") {
  std::ostringstream line;
  line << before << name << ' ' << tensor.dtype().name() << ' ' << tensor.sizes() << after;
  return line.str();
}

inline void note(
    const std::string& direction, const std::string& operatorName, const at::Tensor& tensor, const std::string& how = "") {
  auto& all = transfers();
  std::lock_guard<std::mutex> lock(all.mutex);
  if (all.recorded) all.lines.push_back(lineOf(direction + ' ', operatorName, tensor, how));
}

/** A call that computes attention. */
inline void noteKernel(const std::string& operatorName, const at::Tensor& tensor) {
  auto& all = transfers();
  std::lock_guard<std::mutex> lock(all.mutex);
  if (all.recorded) all.kernels.push_back(lineOf("", operatorName, tensor));
}

}  // namespace apart
