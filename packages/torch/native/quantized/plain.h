// The plain kernel: the yardstick, for any processor.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "layout.h"

namespace rediff::quantized {

constexpr float kSmallestMagnitude = 1e-30f;  // smaller ones are taken for zeros: their inverse would not be finite

namespace plain {

#define REDIFF_TARGET
#define REDIFF_VECTORS 0
#include "rows-body.h"
#undef REDIFF_TARGET
#undef REDIFF_VECTORS

/** The panel's group as [k][16]. */
inline void unpack(const GroupProduct& p, int16_t* w) {
  if (p.bits == 8) {
    auto q = reinterpret_cast<const int8_t*>(p.packed);
    for (int k = 0; k < p.group; k++)
      for (int j = 0; j < kPanel; j++) w[k * kPanel + j] = q[(k / 4 * kPanel + j) * 4 + k % 4];
  } else {
    for (int k = 0; k < p.group; k++)
      for (int j = 0; j < kPanel; j++) {
        uint8_t pair = p.packed[(k / 8 * kPanel + j) * 4 + k % 4];
        w[k * kPanel + j] = static_cast<int16_t>((k % 8 < 4 ? pair & 15 : pair >> 4) - 8);
      }
  }
}

inline void multiply(const GroupProduct& p) {
  int16_t w[kLargestGroup * kPanel];
  unpack(p, w);
  auto steps = static_cast<const int8_t*>(p.steps);
  for (int64_t row = 0; row < p.rows; row++) {
    const int8_t* x = steps + row * p.group;
    int32_t sums[kPanel] = {};
    for (int k = 0; k < p.group; k++)
      for (int j = 0; j < kPanel; j++) sums[j] += w[k * kPanel + j] * x[k];
    float* y = p.y + row * kPanel;
    for (int j = 0; j < kPanel; j++)
      y[j] = std::fma(static_cast<float>(sums[j]), p.scales[j] * p.rowScales[row], y[j]);
  }
}

}  // namespace plain

}  // namespace rediff::quantized
