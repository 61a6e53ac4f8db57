// The kernels, all of which give the same bits: sums of a group are whole numbers that are exact in 32 bits whatever the
// values, and the scaled sums are added in the order of the groups, each in one fused operation.
#pragma once

#include "plain.h"

#if defined(__x86_64__)
#include "avx-vnni.h"
#include "avx2.h"
#include "avx512-vnni.h"
#elif defined(__aarch64__)
#include "neon.h"
#endif

namespace rediff::quantized {

inline bool always() {
  return true;
}

#define REDIFF_ROWS(rows) {rows::rotate, rows::roundGroup, rows::roundGroup4, rows::widen, rows::narrow}

/** The best first. */
inline const Kernel kKernels[] = {
#if defined(__x86_64__)
    {"avx512vnni", avx512vnni::kTile, false, avx512vnni::usable, REDIFF_ROWS(avx2), avx512vnni::multiply},
    {"avxvnni", avxvnni::kTile, false, avxvnni::usable, REDIFF_ROWS(avx2), avxvnni::multiply},
    {"avx2", avx2::kTile, true, avx2::usable, REDIFF_ROWS(avx2), avx2::multiply},
#elif defined(__aarch64__)
    {"neon", neon::kTile, false, neon::usable, REDIFF_ROWS(plain), neon::multiply},
#endif
    {"plain", 1, false, always, REDIFF_ROWS(plain), plain::multiply},
};
#undef REDIFF_ROWS

}  // namespace rediff::quantized
