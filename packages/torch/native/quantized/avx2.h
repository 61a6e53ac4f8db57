// AVX2. int4: unsigned weights times signed rows in 16 bits: 8 quads of at most 15 * 127 * 2 fit. int8: both widened to 16
// bits, because 8 by 8 bits saturates silently here.
#pragma once

#include <immintrin.h>

#include "plain.h"
#include "prefetch.h"

namespace rediff::quantized {

namespace avx2 {

#define REDIFF_TARGET __attribute__((target("avx2,fma")))
#define REDIFF_VECTORS 1
#include "rows-body.h"
#undef REDIFF_VECTORS

constexpr int kTile = 4;

/** y[row][16] += sums * scales, for the two halves of a row of a tile. */
REDIFF_TARGET inline void addScaled(float* y, __m256i low, __m256i high, const float* scales, float rowScale) {
  __m256 s = _mm256_set1_ps(rowScale);
  __m256 a = _mm256_mul_ps(_mm256_loadu_ps(scales), s), b = _mm256_mul_ps(_mm256_loadu_ps(scales + 8), s);
  _mm256_storeu_ps(y, _mm256_fmadd_ps(_mm256_cvtepi32_ps(low), a, _mm256_loadu_ps(y)));
  _mm256_storeu_ps(y + 8, _mm256_fmadd_ps(_mm256_cvtepi32_ps(high), b, _mm256_loadu_ps(y + 8)));
}

/** Weights as unsigned bytes, [k/4][16][4]. */
REDIFF_TARGET inline void unpack4(const GroupProduct& p, uint8_t* w) {
  const __m256i low4 = _mm256_set1_epi8(15);
  for (int i = 0; i < p.group / 8; i++)
    for (int half = 0; half < 2; half++) {
      __m256i pairs = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p.packed + i * 64 + half * 32));
      auto to = reinterpret_cast<__m256i*>(w + i * 128 + half * 32);
      _mm256_store_si256(to, _mm256_and_si256(pairs, low4));
      _mm256_store_si256(to + 2, _mm256_and_si256(_mm256_srli_epi16(pairs, 4), low4));
    }
}

REDIFF_TARGET inline void multiply4(const GroupProduct& p) {
  const int quads = p.group / 4;
  alignas(32) uint8_t w[kLargestGroup * kPanel];
  unpack4(p, w);
  const __m256i ones = _mm256_set1_epi16(1);
  auto steps = static_cast<const int8_t*>(p.steps);
  Prefetch prefetch(p, kTile);
  for (int64_t row = 0; row < p.rows; row += kTile) {
    const int8_t* x = steps + row * p.group;
    prefetch.one();
    __m256i sums[kTile][2];
#pragma GCC unroll 4
    for (int i = 0; i < kTile; i++) sums[i][0] = sums[i][1] = _mm256_set1_epi32(-8 * p.rowSums[row + i]);
    for (int q = 0; q < quads; q += 8) {
      __m256i acc[kTile][2];
#pragma GCC unroll 4
      for (int i = 0; i < kTile; i++) acc[i][0] = acc[i][1] = _mm256_setzero_si256();
      for (int k = q; k < q + 8; k++) {
        __m256i b0 = _mm256_load_si256(reinterpret_cast<const __m256i*>(w + k * 64));
        __m256i b1 = _mm256_load_si256(reinterpret_cast<const __m256i*>(w + k * 64 + 32));
#pragma GCC unroll 4
        for (int i = 0; i < kTile; i++) {
          int32_t four;
          std::memcpy(&four, x + (k * kTile + i) * 4, 4);
          __m256i a = _mm256_set1_epi32(four);
          acc[i][0] = _mm256_add_epi16(acc[i][0], _mm256_maddubs_epi16(b0, a));
          acc[i][1] = _mm256_add_epi16(acc[i][1], _mm256_maddubs_epi16(b1, a));
          // GCC 12 reorders these sums otherwise, and has no registers left: half of the speed.
          asm volatile("" : "+x"(acc[i][0]), "+x"(acc[i][1]));
        }
      }
#pragma GCC unroll 4
      for (int i = 0; i < kTile; i++) {
        sums[i][0] = _mm256_add_epi32(sums[i][0], _mm256_madd_epi16(acc[i][0], ones));
        sums[i][1] = _mm256_add_epi32(sums[i][1], _mm256_madd_epi16(acc[i][1], ones));
      }
    }
#pragma GCC unroll 4
    for (int i = 0; i < kTile; i++)
      addScaled(p.y + (row + i) * kPanel, sums[i][0], sums[i][1], p.scales, p.rowScales[row + i]);
  }
}

REDIFF_TARGET inline void multiply8(const GroupProduct& p) {
  const int pairs = p.group / 2;
  alignas(32) int16_t w[kLargestGroup * kPanel];  // [k/2][16][2]
  for (int quad = 0; quad < p.group / 4; quad++)
    for (int half = 0; half < 2; half++) {
      auto from = reinterpret_cast<const __m128i*>(p.packed + quad * 64 + half * 32);
      __m256 a = _mm256_castsi256_ps(_mm256_cvtepi8_epi16(_mm_loadu_si128(from)));
      __m256 b = _mm256_castsi256_ps(_mm256_cvtepi8_epi16(_mm_loadu_si128(from + 1)));
      auto to = reinterpret_cast<__m256i*>(w + quad * 64 + half * 16);
      __m256i even = _mm256_castps_si256(_mm256_shuffle_ps(a, b, 0x88));  // k 0 and 1 of outputs 0 1 4 5 2 3 6 7
      __m256i odd = _mm256_castps_si256(_mm256_shuffle_ps(a, b, 0xdd));
      _mm256_store_si256(to, _mm256_permute4x64_epi64(even, 0xd8));
      _mm256_store_si256(to + 2, _mm256_permute4x64_epi64(odd, 0xd8));
    }
  auto steps = static_cast<const int16_t*>(p.steps);
  Prefetch prefetch(p, kTile);
  for (int64_t row = 0; row < p.rows; row += kTile) {
    const int16_t* x = steps + row * p.group;
    prefetch.one();
    __m256i sums[kTile][2];
#pragma GCC unroll 4
    for (int i = 0; i < kTile; i++) sums[i][0] = sums[i][1] = _mm256_setzero_si256();
    for (int k = 0; k < pairs; k++) {
      __m256i b0 = _mm256_load_si256(reinterpret_cast<const __m256i*>(w + k * 32));
      __m256i b1 = _mm256_load_si256(reinterpret_cast<const __m256i*>(w + k * 32 + 16));
#pragma GCC unroll 4
      for (int i = 0; i < kTile; i++) {
        int32_t two;
        std::memcpy(&two, x + (k * kTile + i) * 2, 4);
        __m256i a = _mm256_set1_epi32(two);
        sums[i][0] = _mm256_add_epi32(sums[i][0], _mm256_madd_epi16(b0, a));
        sums[i][1] = _mm256_add_epi32(sums[i][1], _mm256_madd_epi16(b1, a));
      }
    }
#pragma GCC unroll 4
    for (int i = 0; i < kTile; i++)
      addScaled(p.y + (row + i) * kPanel, sums[i][0], sums[i][1], p.scales, p.rowScales[row + i]);
  }
}

inline void multiply(const GroupProduct& p) {
  if (p.bits == 8)
    multiply8(p);
  else
    multiply4(p);
}

inline bool usable() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#undef REDIFF_TARGET

}  // namespace avx2

}  // namespace rediff::quantized
