// Loading, rounding and exponentials of eight floats at a time; included once for each kind of processor (kinds.h), with
// REDIFF_TARGET set to its attribute. Everything is defined to the bit, so all kinds give the same numbers.

#define REDIFF_INLINE REDIFF_TARGET inline __attribute__((always_inline))

REDIFF_INLINE void load(F8& to, const float* from) {
  std::memcpy(&to, from, sizeof to);
}

REDIFF_INLINE void store(float* to, const F8& from) {
  std::memcpy(to, &from, sizeof from);
}

/** bfloat16 is the upper half of a float32. */
REDIFF_INLINE void load(F8& to, const c10::BFloat16* from) {
  typedef uint16_t U8 __attribute__((vector_size(16)));
  U8 half;
  std::memcpy(&half, from, sizeof half);
  I8 bits = __builtin_convertvector(half, I8) << 16;
  std::memcpy(&to, &bits, sizeof bits);
}

/** Rounded to bfloat16, to the nearest, halves to the even one; as a float32. NaN stays: what is made of bfloat16 has none
 *  whose lower bits would overflow. */
REDIFF_INLINE void toBfloat16(F8& value) {
  I8 bits;
  std::memcpy(&bits, &value, sizeof bits);
  bits = (bits + 0x7fff + ((bits >> 16) & 1)) & static_cast<int32_t>(0xffff0000);
  std::memcpy(&value, &bits, sizeof bits);
}

/** `from` is rounded to bfloat16 already. */
REDIFF_INLINE void store(c10::BFloat16* to, const F8& from) {
  typedef uint16_t U8 __attribute__((vector_size(16)));
  I8 bits;
  std::memcpy(&bits, &from, sizeof bits);
  U8 half = __builtin_convertvector((bits >> 16) & 0xffff, U8);
  std::memcpy(to, &half, sizeof half);
}

/** What a value is in the dtype T: operators of narrow dtypes round after each step. */
REDIFF_INLINE void roundTo(const float*, F8&) {}
REDIFF_INLINE void roundTo(const c10::BFloat16*, F8& value) {
  toBfloat16(value);
}

/** e^x within 2 units in the last place, from 0 to infinity; NaN stays. The steps of Cephes' expf, fused. */
REDIFF_INLINE void exponential(F8& x) {
  const F8 low = F8{} - 104.0f, high = F8{} + 89.0f, shift = F8{} + 12582912.0f, one = F8{} + 1.0f;
  x = x < low ? low : x;
  x = x > high ? high : x;
  // 1.5 * 2^23 more: from there on floats are whole numbers.
  F8 shifted, r, y;
  fusedAdd(shifted, x, F8{} + 1.44269504088896341f, shift);
  I8 n;
  std::memcpy(&n, &shifted, sizeof n);
  n -= 0x4b400000;
  F8 whole = shifted - shift;
  fusedAdd(r, whole, F8{} - 0.693359375f, x);
  fusedAdd(r, whole, F8{} + 2.12194440e-4f, r);
  fusedAdd(y, r, F8{} + 1.9875691500e-4f, F8{} + 1.3981999507e-3f);
  fusedAdd(y, y, r, F8{} + 8.3334519073e-3f);
  fusedAdd(y, y, r, F8{} + 4.1665795894e-2f);
  fusedAdd(y, y, r, F8{} + 1.6666665459e-1f);
  fusedAdd(y, y, r, F8{} + 5.0000001201e-1f);
  fusedAdd(y, y, r * r, r + one);
  // 2^n in two steps, of which each is a normal number.
  I8 half = n >> 1;
  I8 first = (half + 127) << 23, second = (n - half + 127) << 23;
  F8 a, b;
  std::memcpy(&a, &first, sizeof a);
  std::memcpy(&b, &second, sizeof b);
  x = y * a * b;
}

/** e^x of x <= 0 in float64, within 2 units in the last place; 0 below e^-708; NaN stays. */
REDIFF_INLINE void exponential(D4& x) {
  const D4 least = D4{} - 708.0, shift = D4{} + 6755399441055744.0;  // 1.5 * 2^52
  L4 isZero = x < least;
  x = x < least ? least : x;
  D4 shifted, r, y;
  fusedAdd(shifted, x, D4{} + 1.4426950408889634074, shift);
  L4 n;
  std::memcpy(&n, &shifted, sizeof n);
  D4 whole = shifted - shift;
  fusedAdd(r, whole, D4{} - 6.93145751953125e-1, x);
  fusedAdd(r, whole, D4{} - 1.42860682030941723212e-6, r);
  // Taylor's series: |r| <= ln(2) / 2.
  fusedAdd(y, r, D4{} + 1.0 / 6227020800.0, D4{} + 1.0 / 479001600.0);
  fusedAdd(y, y, r, D4{} + 1.0 / 39916800.0);
  fusedAdd(y, y, r, D4{} + 1.0 / 3628800.0);
  fusedAdd(y, y, r, D4{} + 1.0 / 362880.0);
  fusedAdd(y, y, r, D4{} + 1.0 / 40320.0);
  fusedAdd(y, y, r, D4{} + 1.0 / 5040.0);
  fusedAdd(y, y, r, D4{} + 1.0 / 720.0);
  fusedAdd(y, y, r, D4{} + 1.0 / 120.0);
  fusedAdd(y, y, r, D4{} + 1.0 / 24.0);
  fusedAdd(y, y, r, D4{} + 1.0 / 6.0);
  fusedAdd(y, y, r, D4{} + 0.5);
  fusedAdd(y, y, r * r, r + (D4{} + 1.0));
  L4 power = (n + 1023) << 52;
  D4 scale;
  std::memcpy(&scale, &power, sizeof scale);
  x = isZero ? D4{} : y * scale;
}

/** The sum of the lanes, in an order that is the same everywhere. */
REDIFF_INLINE double sumOf(const F8& v) {
  double total = 0;
  for (int i = 0; i < kLanes; i++) total += v[i];
  return total;
}

/** The first `count` of eight values, zeros behind them. */
template <typename T>
REDIFF_INLINE void loadFirst(F8& to, const T* from, int64_t count) {
  if (count >= kLanes) return load(to, from);
  T part[kLanes] = {};
  std::memcpy(part, from, count * sizeof(T));
  load(to, part);
}

/** Values that are rounded to T already. */
template <typename T>
REDIFF_INLINE void storeFirst(T* to, const F8& from, int64_t count) {
  if (count >= kLanes) return store(to, from);
  T part[kLanes];
  store(part, from);
  std::memcpy(to, part, count * sizeof(T));
}

/** silu(gate) * up, with silu(x) = x / (1 + e^-x), in `gate`, rounded as two operators of the dtype T would. */
template <typename T>
REDIFF_INLINE void gated(F8& gate, const F8& up) {
  F8 e = -gate;
  exponential(e);
  gate = gate / (e + 1.0f);
  roundTo(static_cast<const T*>(nullptr), gate);
  gate = gate * up;
  roundTo(static_cast<const T*>(nullptr), gate);
}
