// The kernels, written once and compiled for several kinds of processors:
//
//   plain  the yardstick, for any processor
//   avx2   the same operations on the same eight lanes, so that both give the same bits; with FMA
//
// A kind is chosen at run time, the first that the processor runs. Wider registers would not help: memory is the bound of
// most of it.
#pragma once

#include <c10/util/BFloat16.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#if defined(__x86_64__)
#define REDIFF_FUSED_AVX2 1
#endif

namespace rediff::fused {

constexpr int kLanes = 8;

typedef float F8 __attribute__((vector_size(32)));
typedef int32_t I8 __attribute__((vector_size(32)));
typedef float F4 __attribute__((vector_size(16)));
typedef double D4 __attribute__((vector_size(32)));
typedef int64_t L4 __attribute__((vector_size(32)));

/** Of the logits of a row seen so far: with z = logit - top, the sums run over all but the likeliest token. */
struct RowState {
  float top;
  int64_t token;
  double others;    // sum of e^z
  double surprise;  // sum of z e^z
};

// Every operation rounds alone, as libtorch's do, but for those that are written as fused ones.
#if defined(__clang__)
#pragma clang fp contract(off)
#else
#pragma GCC push_options
#pragma GCC optimize("fp-contract=off")
#endif

namespace plain {
#define REDIFF_TARGET

/** a * b + c, rounded once. */
inline void fusedAdd(F8& to, const F8& a, const F8& b, const F8& c) {
  for (int i = 0; i < kLanes; i++) to[i] = __builtin_fmaf(a[i], b[i], c[i]);
}
inline void fusedAdd(D4& to, const D4& a, const D4& b, const D4& c) {
  for (int i = 0; i < 4; i++) to[i] = __builtin_fma(a[i], b[i], c[i]);
}

#include "lanes.h"
#include "elementwise-row.h"
#include "softmax-row.h"
#undef REDIFF_TARGET
}  // namespace plain

#ifdef REDIFF_FUSED_AVX2
namespace avx2 {
#define REDIFF_TARGET __attribute__((target("avx2,fma")))

REDIFF_TARGET inline __attribute__((always_inline)) void fusedAdd(F8& to, const F8& a, const F8& b, const F8& c) {
  to = static_cast<F8>(_mm256_fmadd_ps(static_cast<__m256>(a), static_cast<__m256>(b), static_cast<__m256>(c)));
}
REDIFF_TARGET inline __attribute__((always_inline)) void fusedAdd(D4& to, const D4& a, const D4& b, const D4& c) {
  to = static_cast<D4>(_mm256_fmadd_pd(static_cast<__m256d>(a), static_cast<__m256d>(b), static_cast<__m256d>(c)));
}

#include "lanes.h"
#include "elementwise-row.h"
#include "softmax-row.h"
#undef REDIFF_TARGET
}  // namespace avx2
#endif

#undef REDIFF_INLINE

#if !defined(__clang__)
#pragma GCC pop_options
#endif

inline bool hasAvx2() {
#ifdef REDIFF_FUSED_AVX2
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  return false;
#endif
}

/** The kernels for one element type. */
template <typename T>
struct Kernels {
  void (*addRow)(const T* row, int64_t count, int64_t first, bool precise, RowState& state);
  void (*normRow)(const T* x, const T* weight, T* y, int64_t width, float eps);
  void (*gateRow)(T* gate, const T* up, int64_t count);
  void (*turnRow)(T* x, const T* cos, const T* sin, int64_t half);
};

template <typename T>
Kernels<T> kernels(bool avx2) {
#ifdef REDIFF_FUSED_AVX2
  if (avx2) return {avx2::addRow<T>, avx2::normRow<T>, avx2::gateRow<T>, avx2::turnRow<T>};
#endif
  return {plain::addRow<T>, plain::normRow<T>, plain::gateRow<T>, plain::turnRow<T>};
}

}  // namespace rediff::fused
