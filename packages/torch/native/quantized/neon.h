// Arm with the dot product of bytes (Armv8.2: Graviton 2, Ampere Altra, Cortex-A76, Apple's M1, and newer): signed bytes times
// signed ones, four at a time, exact.
#pragma once

#include <arm_neon.h>
#if defined(__linux__)
#include <sys/auxv.h>
#endif

#include "plain.h"
#include "prefetch.h"

namespace rediff::quantized {

namespace neon {

#if defined(__ARM_FEATURE_DOTPROD)  // the whole addon is compiled for it, as on Apple's
#define REDIFF_TARGET
#elif defined(__clang__)
#define REDIFF_TARGET __attribute__((target("dotprod")))
#else
#define REDIFF_TARGET __attribute__((target("arch=armv8.2-a+dotprod")))
#endif
constexpr int kTile = 4;

/** Weights as signed bytes, [k/4][16][4]: those of 8 bits lie so. */
REDIFF_TARGET inline const int8_t* unpack(const GroupProduct& p, int8_t* w) {
  if (p.bits == 8) return reinterpret_cast<const int8_t*>(p.packed);
  const uint8x16_t low4 = vdupq_n_u8(15);
  const int8x16_t eight = vdupq_n_s8(8);
  for (int i = 0; i < p.group / 8; i++)
    for (int part = 0; part < 4; part++) {
      uint8x16_t pairs = vld1q_u8(p.packed + i * 64 + part * 16);
      int8_t* to = w + i * 128 + part * 16;
      vst1q_s8(to, vsubq_s8(vreinterpretq_s8_u8(vandq_u8(pairs, low4)), eight));
      vst1q_s8(to + 64, vsubq_s8(vreinterpretq_s8_u8(vshrq_n_u8(pairs, 4)), eight));
    }
  return w;
}

REDIFF_TARGET inline void multiply(const GroupProduct& p) {
  const int quads = p.group / 4;
  alignas(16) int8_t unpacked[kLargestGroup * kPanel];
  const int8_t* w = unpack(p, unpacked);
  auto steps = static_cast<const int8_t*>(p.steps);
  Prefetch prefetch(p, kTile);
  for (int64_t row = 0; row < p.rows; row += kTile) {
    const int8_t* x = steps + row * p.group;
    prefetch.one();
    int32x4_t sums[kTile][4];
#pragma GCC unroll 4
    for (int i = 0; i < kTile; i++)
#pragma GCC unroll 4
      for (int part = 0; part < 4; part++) sums[i][part] = vdupq_n_s32(0);
    for (int k = 0; k < quads; k++) {
      const int8x16_t a = vld1q_s8(x + k * kTile * 4);  // a quad of each row
#pragma GCC unroll 4
      for (int part = 0; part < 4; part++) {
        const int8x16_t b = vld1q_s8(w + k * 64 + part * 16);
        sums[0][part] = vdotq_laneq_s32(sums[0][part], b, a, 0);
        sums[1][part] = vdotq_laneq_s32(sums[1][part], b, a, 1);
        sums[2][part] = vdotq_laneq_s32(sums[2][part], b, a, 2);
        sums[3][part] = vdotq_laneq_s32(sums[3][part], b, a, 3);
      }
    }
#pragma GCC unroll 4
    for (int i = 0; i < kTile; i++)
#pragma GCC unroll 4
      for (int part = 0; part < 4; part++) {
        float* y = p.y + (row + i) * kPanel + part * 4;
        const float32x4_t scale = vmulq_n_f32(vld1q_f32(p.scales + part * 4), p.rowScales[row + i]);
        vst1q_f32(y, vfmaq_f32(vld1q_f32(y), vcvtq_f32_s32(sums[i][part]), scale));
      }
  }
}

inline bool usable() {
#if defined(__ARM_FEATURE_DOTPROD)
  return true;
#elif defined(__linux__)
  constexpr unsigned long kDotProduct = 1UL << 20;  // HWCAP_ASIMDDP, which older headers do not name
  return (getauxval(AT_HWCAP) & kDotProduct) != 0;
#else
  return false;
#endif
}
#undef REDIFF_TARGET

}  // namespace neon

}  // namespace rediff::quantized
