// The rotation of blocks and the rounding of rows, included once for each kind of processor with REDIFF_TARGET set to
// an attribute and REDIFF_VECTORS to whether it has AVX2. Every operation is defined to the bit, so all kinds give the same numbers.

typedef float F8 __attribute__((vector_size(32)));
typedef int32_t I8 __attribute__((vector_size(32)));

#if defined(__clang__)
#define REDIFF_SWAP(v, s) __builtin_shufflevector(v, v, 0 ^ s, 1 ^ s, 2 ^ s, 3 ^ s, 4 ^ s, 5 ^ s, 6 ^ s, 7 ^ s)
#else
#define REDIFF_SWAP(v, s) __builtin_shuffle(v, I8{0 ^ s, 1 ^ s, 2 ^ s, 3 ^ s, 4 ^ s, 5 ^ s, 6 ^ s, 7 ^ s})
#endif

// Two operations that may not become one, which would round once instead of twice. -O2 leaves loops over single elements as
// they are: what every product needs is written in vectors.
#if REDIFF_VECTORS
#define REDIFF_ROUNDED(v) asm volatile("" : "+x"(v))
#else
#define REDIFF_ROUNDED(v) asm volatile("" : "+m"(v))
#endif

/** Sums and differences of vectors that are `span` apart. */
template <int vectors, int span>
REDIFF_TARGET static inline __attribute__((always_inline)) void butterflies(F8* v) {
#pragma GCC unroll 16
  for (int i = 0; i < vectors / 2; i++) {
    const int j = i / span * 2 * span + i % span;
    F8 a = v[j], b = v[j + span];
    v[j] = a + b;
    v[j + span] = a - b;
  }
  if constexpr (2 * span < vectors) butterflies<vectors, 2 * span>(v);
}

template <int n>
REDIFF_TARGET static inline __attribute__((always_inline)) void rotateAll(float* values) {
  constexpr int vectors = n / 8;
  F8 v[vectors];
  std::memcpy(v, values, sizeof v);
  butterflies<vectors, 1>(v);
  const F8 sign1 = {1, -1, 1, -1, 1, -1, 1, -1};
  const F8 sign2 = {1, 1, -1, -1, 1, 1, -1, -1};
  const F8 sign4 = {1, 1, 1, 1, -1, -1, -1, -1};
#pragma GCC unroll 16
  for (int i = 0; i < vectors; i++) {
    F8 a = v[i];
    a = REDIFF_SWAP(a, 1) + sign1 * a;  // exact as one operation or two
    a = REDIFF_SWAP(a, 2) + sign2 * a;
    a = REDIFF_SWAP(a, 4) + sign4 * a;
    v[i] = a;
  }
  std::memcpy(values, v, sizeof v);
}

/** Times the Hadamard matrix of n = 32, 64 or 128, whose elements are 1 and -1: what is left out is 1 / sqrt(n). */
REDIFF_TARGET static void rotate(float* values, int n) {
  if (n == 128)
    rotateAll<128>(values);
  else if (n == 64)
    rotateAll<64>(values);
  else
    rotateAll<32>(values);
}

/** 32 steps from four vectors of whole numbers. */
REDIFF_TARGET static inline void storeSteps(const I8* four, int8_t* steps) {
#if REDIFF_VECTORS
  __m256i v[4];
  std::memcpy(v, four, sizeof v);
  __m256i bytes = _mm256_packs_epi16(_mm256_packs_epi32(v[0], v[1]), _mm256_packs_epi32(v[2], v[3]));
  bytes = _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(steps), bytes);
#else
  for (int i = 0; i < 32; i++) steps[i] = static_cast<int8_t>(four[i / 8][i % 8]);
#endif
}

/** n values to steps from -127 to 127 of one scale, value = step * scale, and the sum of the steps. Halves go to the
 *  even neighbour. What is not finite makes the scale NaN: it comes out as NaN, as it would of a float product. */
REDIFF_TARGET static void roundGroup(const float* values, int n, int8_t* steps, float* scale, int32_t* sum) {
  I8 most = {};
  for (int i = 0; i < n; i += 8) {
    I8 bits;
    std::memcpy(&bits, values + i, sizeof bits);
    bits &= 0x7fffffff;
    most = bits > most ? bits : most;
  }
  int32_t top = 0;
  for (int i = 0; i < 8; i++) top = std::max(top, most[i]);
  float largest;
  std::memcpy(&largest, &top, sizeof largest);
  *sum = 0;
  if (!(largest >= kSmallestMagnitude) || top >= 0x7f800000) {
    *scale = top >= 0x7f800000 ? std::numeric_limits<float>::quiet_NaN() : 0.0f;
    std::memset(steps, 0, n);
    return;
  }
  *scale = largest * (1.0f / 127);
  float inverse = 127.0f / largest;
  I8 total = {};
  for (int i = 0; i < n; i += 32) {
    I8 four[4];
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
      F8 v;
      std::memcpy(&v, values + i + 8 * j, sizeof v);
      v = v * inverse;
      REDIFF_ROUNDED(v);
      v = v + 12582912.0f;  // 1.5 * 2^23: from here on floats are whole numbers
      std::memcpy(&four[j], &v, sizeof v);
      four[j] -= 0x4b400000;
      total += four[j];
    }
    storeSteps(four, steps + i);
  }
  for (int i = 0; i < 8; i++) *sum += total[i];
}

/** bfloat16 to float32, n of them. */
REDIFF_TARGET static void widen(const uint16_t* from, int64_t n, float* to) {
  int64_t i = 0;
#if REDIFF_VECTORS
  for (; i + 8 <= n; i += 8) {
    __m128i eight = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i));
    __m256i bits = _mm256_slli_epi32(_mm256_cvtepu16_epi32(eight), 16);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i), bits);
  }
#endif
  for (; i < n; i++) {
    uint32_t bits = static_cast<uint32_t>(from[i]) << 16;
    std::memcpy(to + i, &bits, sizeof bits);
  }
}

/** float32 to bfloat16, halves to the even neighbour, n of them: what libtorch does. */
REDIFF_TARGET static void narrow(const float* from, int64_t n, uint16_t* to) {
  int64_t i = 0;
#if REDIFF_VECTORS
  const __m256i one = _mm256_set1_epi32(1), half = _mm256_set1_epi32(0x7fff), quiet = _mm256_set1_epi32(0x7fc0);
  for (; i + 8 <= n; i += 8) {
    __m256 v = _mm256_loadu_ps(from + i);
    __m256i bits = _mm256_castps_si256(v);
    __m256i even = _mm256_and_si256(_mm256_srli_epi32(bits, 16), one);
    __m256i rounded = _mm256_srli_epi32(_mm256_add_epi32(_mm256_add_epi32(bits, half), even), 16);
    __m256i isNan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
    rounded = _mm256_blendv_epi8(rounded, quiet, isNan);
    __m256i words = _mm256_permute4x64_epi64(_mm256_packus_epi32(rounded, rounded), 0x08);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i), _mm256_castsi256_si128(words));
  }
#endif
  for (; i < n; i++) {
    uint32_t bits;
    std::memcpy(&bits, from + i, sizeof bits);
    const bool isNan = (bits & 0x7fffffff) > 0x7f800000;
    to[i] = static_cast<uint16_t>(isNan ? 0x7fc0 : (bits + 0x7fff + (bits >> 16 & 1)) >> 16);
  }
}

/** n values to steps from -8 to 7, by the scale that makes the least squared error of a few: a little clipping pays. */
REDIFF_TARGET static void roundGroup4(const float* values, int n, int8_t* steps, float* scale) {
  float extreme = 0;
  for (int i = 0; i < n; i++)
    if (std::fabs(values[i]) > std::fabs(extreme)) extreme = values[i];
  *scale = 0;
  std::memset(steps, 0, n);
  if (!(std::fabs(extreme) >= kSmallestMagnitude) || !std::isfinite(extreme)) return;
  float least = std::numeric_limits<float>::infinity();
  for (int clipped = 0; clipped < 7; clipped++) {
    float candidate = extreme * (1 - 0.05f * static_cast<float>(clipped)) / -8;  // the extreme's side has a step more
    float inverse = 1 / candidate;
    float rounded[kLargestGroup];
    F8 errors = {};
    for (int i = 0; i < n; i += 8) {
      F8 v;
      std::memcpy(&v, values + i, sizeof v);
      F8 q = v * inverse;
      REDIFF_ROUNDED(q);
      q = (q + 12582912.0f) - 12582912.0f;
      I8 low = q < -8.0f, high = q > 7.0f, bits;
      std::memcpy(&bits, &q, sizeof bits);
      // -8.0 and 7.0 as they lie in memory.
      bits = (bits & ~(low | high)) | (low & static_cast<int32_t>(0xc1000000)) | (high & 0x40e00000);
      std::memcpy(&q, &bits, sizeof q);
      std::memcpy(rounded + i, &q, sizeof q);
      F8 product = q * candidate;
      REDIFF_ROUNDED(product);
      F8 off = v - product;
      F8 square = off * off;
      REDIFF_ROUNDED(square);
      errors += square;
    }
    float error = 0;
    for (int i = 0; i < 8; i++) error += errors[i];
    if (!(error < least)) continue;
    least = error;
    *scale = candidate;
    for (int i = 0; i < n; i++) steps[i] = static_cast<int8_t>(rounded[i]);
  }
}

#undef REDIFF_SWAP
#undef REDIFF_ROUNDED
