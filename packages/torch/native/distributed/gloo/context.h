// Declarations that libtorch's ProcessGroupGloo.hpp names and its wheel does not bring: Gloo's own headers. Nothing here
// is made, derived from or laid out by us; libtorch_cpu has the real classes, and only pointers to them pass through.
#pragma once

#include <chrono>
#include <memory>

namespace gloo {

class Context {
 public:
  void setTimeout(std::chrono::milliseconds timeout);
};

namespace transport {
class UnboundBuffer {
 public:
  virtual ~UnboundBuffer() = 0;
};
}  // namespace transport

}  // namespace gloo
