// The rotation of blocks and the rounding of rows, included once for each kind of processor with REDIFF_TARGET set to
// an attribute. Every operation is defined to the bit, so all kinds give the same numbers.

typedef float F8 __attribute__((vector_size(32)));
typedef int32_t I8 __attribute__((vector_size(32)));

#if defined(__clang__)
#define REDIFF_SWAP(v, s) __builtin_shufflevector(v, v, 0 ^ s, 1 ^ s, 2 ^ s, 3 ^ s, 4 ^ s, 5 ^ s, 6 ^ s, 7 ^ s)
#else
#define REDIFF_SWAP(v, s) __builtin_shuffle(v, I8{0 ^ s, 1 ^ s, 2 ^ s, 3 ^ s, 4 ^ s, 5 ^ s, 6 ^ s, 7 ^ s})
#endif

/** Times the Hadamard matrix of n = 32, 64 or 128, whose elements are 1 and -1: what is left out is 1 / sqrt(n). */
REDIFF_TARGET static void rotate(float* values, int n) {
  F8 v[kLargestGroup / 8];
  int vectors = n / 8;
  std::memcpy(v, values, n * sizeof(float));
  for (int span = 1; span < vectors; span *= 2)
    for (int i = 0; i < vectors; i += 2 * span)
      for (int j = i; j < i + span; j++) {
        F8 a = v[j], b = v[j + span];
        v[j] = a + b;
        v[j + span] = a - b;
      }
  const F8 sign1 = {1, -1, 1, -1, 1, -1, 1, -1};
  const F8 sign2 = {1, 1, -1, -1, 1, 1, -1, -1};
  const F8 sign4 = {1, 1, 1, 1, -1, -1, -1, -1};
  for (int i = 0; i < vectors; i++) {
    F8 a = v[i];
    a = REDIFF_SWAP(a, 1) + sign1 * a;  // exact as one operation or two
    a = REDIFF_SWAP(a, 2) + sign2 * a;
    a = REDIFF_SWAP(a, 4) + sign4 * a;
    v[i] = a;
  }
  std::memcpy(values, v, n * sizeof(float));
}

/** n values to steps from -127 to 127 of one scale, value = step * scale, and the sum of the steps. Halves go to the
 *  even neighbour. What is not finite makes the scale NaN: it comes out as NaN, as it would of a float product. */
REDIFF_TARGET static void roundGroup(const float* values, int n, int8_t* steps, float* scale, int32_t* sum) {
  I8 most = {};
  for (int i = 0; i < n; i += 8) {
    I8 bits;
    std::memcpy(&bits, values + i, sizeof bits);
    bits &= 0x7fffffff;
    I8 larger = bits > most;
    most = (bits & larger) | (most & ~larger);
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
  int32_t rounded[kLargestGroup];
  for (int i = 0; i < n; i += 8) {
    F8 v;
    std::memcpy(&v, values + i, sizeof v);
    v = v * inverse;
    asm volatile("" : "+m"(v));  // one operation with the next would round once instead of twice
    v = v + 12582912.0f;         // 1.5 * 2^23: from here on floats are whole numbers
    I8 bits;
    std::memcpy(&bits, &v, sizeof bits);
    bits -= 0x4b400000;
    std::memcpy(rounded + i, &bits, sizeof bits);
  }
  int32_t total = 0;
  for (int i = 0; i < n; i++) {
    steps[i] = static_cast<int8_t>(rounded[i]);
    total += rounded[i];
  }
  *sum = total;
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
      asm volatile("" : "+m"(q));  // as above
      q = (q + 12582912.0f) - 12582912.0f;
      I8 low = q < -8.0f, high = q > 7.0f, bits;
      std::memcpy(&bits, &q, sizeof bits);
      // -8.0 and 7.0 as they lie in memory.
      bits = (bits & ~(low | high)) | (low & static_cast<int32_t>(0xc1000000)) | (high & 0x40e00000);
      std::memcpy(&q, &bits, sizeof q);
      std::memcpy(rounded + i, &q, sizeof q);
      F8 product = q * candidate;
      asm volatile("" : "+m"(product));
      F8 off = v - product;
      F8 square = off * off;
      asm volatile("" : "+m"(square));
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
