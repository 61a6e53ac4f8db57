// VNNI in registers of 256 bits: Intel's processors for desktops and notebooks, which have no AVX-512 (12th generation Core
// and newer), and AMD's from Zen 5 on. As avx512-vnni.h, a panel in two halves.
#pragma once

#include <cpuid.h>
#include <immintrin.h>

#include "avx2.h"

namespace rediff::quantized {

namespace avxvnni {

#define REDIFF_TARGET __attribute__((target("avx2,fma,avxvnni")))
constexpr int kTile = 6;

/** Weights as unsigned bytes, [k/4][16][4]. */
REDIFF_TARGET inline void unpack(const GroupProduct& p, uint8_t* w) {
  if (p.bits == 4) return avx2::unpack4(p, w);
  const __m256i sign = _mm256_set1_epi8(static_cast<char>(0x80));
  for (int i = 0; i < p.group / 2; i++) {
    __m256i q = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p.packed) + i);
    _mm256_store_si256(reinterpret_cast<__m256i*>(w) + i, _mm256_xor_si256(q, sign));
  }
}

REDIFF_TARGET inline void multiply(const GroupProduct& p) {
  const int quads = p.group / 4, offset = p.bits == 8 ? -128 : -8;
  alignas(32) uint8_t w[kLargestGroup * kPanel];
  unpack(p, w);
  auto steps = static_cast<const int8_t*>(p.steps);
  Prefetch prefetch(p, kTile);
  for (int64_t row = 0; row < p.rows; row += kTile) {
    const int8_t* x = steps + row * p.group;
    prefetch.one();
    __m256i sums[kTile][2];
#pragma GCC unroll 6
    for (int i = 0; i < kTile; i++) sums[i][0] = sums[i][1] = _mm256_set1_epi32(offset * p.rowSums[row + i]);
    for (int k = 0; k < quads; k++) {
      __m256i b0 = _mm256_load_si256(reinterpret_cast<const __m256i*>(w + k * 64));
      __m256i b1 = _mm256_load_si256(reinterpret_cast<const __m256i*>(w + k * 64 + 32));
#pragma GCC unroll 6
      for (int i = 0; i < kTile; i++) {
        int32_t four;
        std::memcpy(&four, x + (k * kTile + i) * 4, 4);
        __m256i a = _mm256_set1_epi32(four);
        // As in avx512-vnni.h: with intrinsics GCC 12 copies all sums, and spills half of them.
        asm("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sums[i][0]) : "x"(b0), "x"(a));
        asm("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sums[i][1]) : "x"(b1), "x"(a));
      }
    }
#pragma GCC unroll 6
    for (int i = 0; i < kTile; i++)
      avx2::addScaled(p.y + (row + i) * kPanel, sums[i][0], sums[i][1], p.scales, p.rowScales[row + i]);
  }
}

/** Asked of the processor itself: not all compilers know the name. That the system keeps the registers, avx2 says. */
inline bool usable() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return avx2::usable() && __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a >> 4 & 1) != 0;
}
#undef REDIFF_TARGET

}  // namespace avxvnni

}  // namespace rediff::quantized
