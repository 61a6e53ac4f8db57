// The kernels, written once and compiled for several kinds of processors, that all give the same bits:
//
//   plain   the yardstick, for any processor
//   avx2    tiles of 6 outputs by 16 rows, in eight lanes
//   avx512  tiles of 6 outputs by 64 rows, in sixteen lanes
//
// A kind is chosen at run time, the first that the processor runs.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace rediff::widened {

/** Numbers of a row that are added up by themselves, in their order: their sums are added up after that. */
constexpr int64_t kBlock = 128;

/** Outputs of a tile. */
constexpr int kOutputs = 6;

/** Some rows times some outputs, `length` numbers of each: sums[output][row] += x[row] . weight[output] */
struct TileProduct {
  const float* x;       // [length][rows], rows a multiple of the kind's lanes
  int64_t rows;         // of the tile: at most the kind's `rows`
  const uint16_t* weight;  // bfloat16 [outputs][stride]
  int64_t stride;
  int64_t length;       // at most kBlock
  int64_t outputs;      // at most kOutputs
  float* sums;          // [kOutputs][ofSums], which are 0 in a sum's first block
  int64_t ofSums;
};

struct Kind {
  const char* name;
  bool (*usable)();
  int lanes;
  /** Rows of a tile at most. */
  int rows;
  /** Weights of a tile in float32: [kOutputs][kBlock]; those of missing outputs are 0. */
  void (*widen)(const TileProduct&, float* weights);
  /** @param weights what `widen` made */
  void (*multiply)(const TileProduct&, const float* weights);
  /** sum + bias in bfloat16, to the nearest, halves to the even one; what is no number is the usual one. */
  void (*round)(const float* sums, float bias, int64_t count, uint16_t* to);
};

namespace plain {

inline void widen(const TileProduct& p, float* weights) {
  for (int64_t n = 0; n < kOutputs; n++)
    for (int64_t k = 0; k < p.length; k++) {
      uint32_t bits = n < p.outputs ? static_cast<uint32_t>(p.weight[n * p.stride + k]) << 16 : 0;
      std::memcpy(&weights[n * kBlock + k], &bits, sizeof bits);
    }
}

inline void multiply(const TileProduct& p, const float* weights) {
  for (int64_t n = 0; n < kOutputs; n++)
    for (int64_t row = 0; row < p.rows; row++) {
      float sum = 0;
      for (int64_t k = 0; k < p.length; k++) sum = std::fma(p.x[k * p.rows + row], weights[n * kBlock + k], sum);
      p.sums[n * p.ofSums + row] += sum;
    }
}

#define REDIFF_TARGET
#include "round.h"
#undef REDIFF_TARGET

}  // namespace plain

#if defined(__x86_64__)

namespace avx2 {
#define REDIFF_TARGET __attribute__((target("avx2,fma")))
typedef __m256 Lanes;
constexpr int kLanes = 8, kMost = 2;
REDIFF_TARGET inline Lanes zero() { return _mm256_setzero_ps(); }
REDIFF_TARGET inline Lanes all(const float* from) { return _mm256_broadcast_ss(from); }
REDIFF_TARGET inline Lanes load(const float* from) { return _mm256_loadu_ps(from); }
REDIFF_TARGET inline void store(float* to, Lanes v) { _mm256_storeu_ps(to, v); }
REDIFF_TARGET inline Lanes add(Lanes a, Lanes b) { return _mm256_add_ps(a, b); }
REDIFF_TARGET inline Lanes multiplyAdd(Lanes a, Lanes b, Lanes c) { return _mm256_fmadd_ps(a, b, c); }
REDIFF_TARGET inline Lanes wide(const uint16_t* from) {
  __m128i halves = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
}
#include "round.h"
#include "tile.h"
#undef REDIFF_TARGET
inline bool usable() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
}  // namespace avx2

namespace avx512 {
#define REDIFF_TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma")))
typedef __m512 Lanes;
constexpr int kLanes = 16, kMost = 4;
REDIFF_TARGET inline Lanes zero() { return _mm512_setzero_ps(); }
REDIFF_TARGET inline Lanes all(const float* from) { return _mm512_set1_ps(*from); }
REDIFF_TARGET inline Lanes load(const float* from) { return _mm512_loadu_ps(from); }
REDIFF_TARGET inline void store(float* to, Lanes v) { _mm512_storeu_ps(to, v); }
REDIFF_TARGET inline Lanes add(Lanes a, Lanes b) { return _mm512_add_ps(a, b); }
REDIFF_TARGET inline Lanes multiplyAdd(Lanes a, Lanes b, Lanes c) { return _mm512_fmadd_ps(a, b, c); }
REDIFF_TARGET inline Lanes wide(const uint16_t* from) {
  __m256i halves = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}
#include "round.h"
#include "tile.h"
#undef REDIFF_TARGET
inline bool usable() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
}  // namespace avx512

#endif

inline bool always() { return true; }

/** The fastest first. */
constexpr Kind kKinds[] = {
#if defined(__x86_64__)
    {"avx512", avx512::usable, avx512::kLanes, avx512::kLanes * avx512::kMost, avx512::widen, avx512::multiply,
     avx512::round},
    {"avx2", avx2::usable, avx2::kLanes, avx2::kLanes * avx2::kMost, avx2::widen, avx2::multiply, avx2::round},
#endif
    {"plain", always, 1, 16, plain::widen, plain::multiply, plain::round},
};

/** Whether the processor runs it, and the environment leaves it: ATEN_CPU_CAPABILITY, with which libtorch computes as on a
 *  lesser processor. */
inline bool isUsable(const Kind& kind) {
  static const char* given = std::getenv("ATEN_CPU_CAPABILITY");
  const std::string limit = given == nullptr ? "" : given, name = kind.name;
  return kind.usable() && (name == "plain" || (limit == "avx2" ? name == "avx2" : limit != "default"));
}

}  // namespace rediff::widened
