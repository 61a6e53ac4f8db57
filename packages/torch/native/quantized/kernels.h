// The kernels, all of which give the same bits: sums of a group are whole numbers that are exact in 32 bits whatever the
// values, and the scaled sums are added in the order of the groups, each in one fused operation.
//
//   plain       the yardstick, for any processor
//   avx2        int4: unsigned weights times signed rows in 16 bits: 8 quads of at most 15 * 127 * 2 fit; int8: both
//               widened to 16 bits, because 8 by 8 bits saturates silently there
//   avx512vnni  both as unsigned bytes times signed ones; what makes them unsigned is taken off before
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "layout.h"

#if defined(__x86_64__)
#include <immintrin.h>
#define REDIFF_X86 1
#endif

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

#ifdef REDIFF_X86

/** Fetches the panel's next group a part at a time, one for every tile of rows: weights come from memory once for a few
 *  rows, and a group at a time would be waited for. */
class Prefetch {
 public:
  Prefetch(const GroupProduct& p, int tile) {
    const int64_t bytes = panelBytes(p.bits, p.group), tiles = (p.rows + tile - 1) / tile;
    next = reinterpret_cast<const char*>(p.packed) + bytes;
    end = next + bytes;
    part = (bytes / tiles + 63) / 64 * 64;
  }

  inline __attribute__((always_inline)) void one() {
    for (const char* until = std::min(next + part, end); next < until; next += 64) _mm_prefetch(next, _MM_HINT_T0);
  }

 private:
  const char* next;
  const char* end;
  int64_t part;
};

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

REDIFF_TARGET inline void multiply4(const GroupProduct& p) {
  const int quads = p.group / 4;
  alignas(32) uint8_t w[kLargestGroup * kPanel];
  const __m256i low4 = _mm256_set1_epi8(15);
  for (int i = 0; i < quads / 2; i++)
    for (int half = 0; half < 2; half++) {
      __m256i pairs = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p.packed + i * 64 + half * 32));
      auto to = reinterpret_cast<__m256i*>(w + i * 128 + half * 32);
      _mm256_store_si256(to, _mm256_and_si256(pairs, low4));
      _mm256_store_si256(to + 2, _mm256_and_si256(_mm256_srli_epi16(pairs, 4), low4));
    }
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

namespace vnni {

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

}  // namespace vnni

#endif

inline bool always() {
  return true;
}

#define REDIFF_ROWS(rows) {rows::rotate, rows::roundGroup, rows::roundGroup4, rows::widen, rows::narrow}

/** The best first. */
inline const Kernel kKernels[] = {
#ifdef REDIFF_X86
    {"avx512vnni", vnni::kTile, false, vnni::usable, REDIFF_ROWS(avx2), vnni::multiply},
    {"avx2", avx2::kTile, true, avx2::usable, REDIFF_ROWS(avx2), avx2::multiply},
#endif
    {"plain", 1, false, always, REDIFF_ROWS(plain), plain::multiply},
};
#undef REDIFF_ROWS

}  // namespace rediff::quantized
