// How quantised weights and the rows that meet them lie in memory, the same for every kernel and in files.
//
// O outputs in panels of 16, K inputs in groups of 32, 64 or 128, padded with zeros to whole panels and groups.
//   int8 weights    [O/16, K/4, 16, 4]  int8: four neighbours of k side by side, as multiply-add instructions take them
//   int4 weights    [O/16, K/8, 16, 4]  a byte has q + 8 of the quads 2i (low half) and 2i+1 (high half)
//   their scales    [O/16, K/group, 16] float32: weight = q * scale
#pragma once

#include <cstdint>

namespace rediff::quantized {

constexpr int kPanel = 16;      // outputs side by side
constexpr int kLargestGroup = 128;
// Rows and panels that are multiplied while a group of theirs is in the nearest cache, the sums beside them: 26 KB.
constexpr int kRowBlock = 64;
constexpr int kPanelBlock = 4;

/** One group of one panel and some rows: y[row][16] += scale * sum over k. */
struct GroupProduct {
  const uint8_t* packed;  // this group of the panel
  const float* scales;    // of its 16 outputs
  int bits;
  int group;
  const void* steps;  // of the rows in this group, [tile][k/unit][row of the tile][unit]
  const float* rowScales;
  const int32_t* rowSums;
  int64_t rows;  // a multiple of the tile
  float* y;
};

/** What is done to rows before and after. */
struct RowKernels {
  void (*rotate)(float* values, int n);
  void (*round)(const float* values, int n, int8_t* steps, float* scale, int32_t* sum);
  void (*round4)(const float* values, int n, int8_t* steps, float* scale);
  void (*widen)(const uint16_t* from, int64_t n, float* to);
  void (*narrow)(const float* from, int64_t n, uint16_t* to);
};

struct Kernel {
  const char* name;
  int tile;                           // rows computed together
  bool wide8;                         // with int8 weights, rows are int16 in pairs of k; else int8 in quads
  bool (*usable)();
  RowKernels rows;
  void (*multiply)(const GroupProduct&);
};

inline int64_t panelBytes(int bits, int group) {
  return int64_t(kPanel) * group * bits / 8;
}

}  // namespace rediff::quantized
