// A loop in libtorch's own threads.
#pragma once

#include <ATen/TensorIterator.h>
#include <ATen/ops/arange.h>

#include <cstdint>

namespace rediff {

/** body(begin, end) over parts of 0..count in libtorch's own threads: by an iterator of its own, since its parallel_for
 *  is a template that takes OpenMP's flags to compile, and would bring other threads than libtorch's. */
template <typename Body>
void inParallel(int64_t count, const Body& body) {
  at::Tensor index = at::arange(count, at::kLong);
  auto iterator = at::TensorIterator::nullary_op(index);
  iterator.for_each(
      [&](char** data, const int64_t* strides, int64_t size) {
        if (size == 0) return;
        TORCH_INTERNAL_ASSERT(size == 1 || strides[0] == sizeof(int64_t));
        int64_t first = *reinterpret_cast<int64_t*>(data[0]);
        body(first, first + size);
      },
      /*grain_size=*/1);
}

}  // namespace rediff
