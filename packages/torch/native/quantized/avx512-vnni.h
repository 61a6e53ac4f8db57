// AVX-512 with VNNI: both weights as unsigned bytes times signed ones; what makes them unsigned is taken off before.
#pragma once

#include <immintrin.h>

#include "avx2.h"

namespace rediff::quantized {

namespace avx512vnni {

struct Quad {
  int8_t of[4];
};

#define REDIFF_TARGET __attribute__((target("avx2,fma,avx512f,avx512bw,avx512vl,avx512vnni")))
constexpr int kTile = 16;

REDIFF_TARGET inline void multiply(const GroupProduct& p) {
  const int quads = p.group / 4;
  alignas(64) uint8_t w[kLargestGroup * kPanel];
  if (p.bits == 8) {
    const __m512i sign = _mm512_set1_epi8(static_cast<char>(0x80));
    for (int i = 0; i < quads; i++)
      _mm512_store_si512(w + i * 64, _mm512_xor_si512(_mm512_loadu_si512(p.packed + i * 64), sign));
  } else {
    const __m512i low4 = _mm512_set1_epi8(15);
    for (int i = 0; i < quads / 2; i++) {
      __m512i pairs = _mm512_loadu_si512(p.packed + i * 64);
      _mm512_store_si512(w + i * 128, _mm512_and_si512(pairs, low4));
      _mm512_store_si512(w + i * 128 + 64, _mm512_and_si512(_mm512_srli_epi16(pairs, 4), low4));
    }
  }
  const int offset = p.bits == 8 ? -128 : -8;
  const __m512 scales = _mm512_loadu_ps(p.scales);
  auto steps = static_cast<const int8_t*>(p.steps);
  Prefetch prefetch(p, kTile);
  for (int64_t row = 0; row < p.rows; row += kTile) {
    const int8_t* x = steps + row * p.group;
    __m512i sums[kTile];
#pragma GCC unroll 16
    for (int i = 0; i < kTile; i++) sums[i] = _mm512_set1_epi32(offset * p.rowSums[row + i]);
    prefetch.one();
    for (int k = 0; k < quads; k++) {
      __m512i b = _mm512_load_si512(w + k * 64);
#pragma GCC unroll 16
      for (int i = 0; i < kTile; i++) {
        // With intrinsics GCC 12 moves all sums from register to register, and some through memory: half of the speed.
        auto four = reinterpret_cast<const Quad*>(x + (k * kTile + i) * 4);
        asm("vpdpbusd %2%{1to16%}, %1, %0" : "+v"(sums[i]) : "v"(b), "m"(*four));
      }
    }
#pragma GCC unroll 16
    for (int i = 0; i < kTile; i++) {
      float* y = p.y + (row + i) * kPanel;
      __m512 scale = _mm512_mul_ps(scales, _mm512_set1_ps(p.rowScales[row + i]));
      _mm512_storeu_ps(y, _mm512_fmadd_ps(_mm512_maskz_cvtepi32_ps(0xffff, sums[i]), scale, _mm512_loadu_ps(y)));
    }
  }
}

inline bool usable() {
  return avx2::usable() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
}
#undef REDIFF_TARGET

}  // namespace avx512vnni

}  // namespace rediff::quantized
