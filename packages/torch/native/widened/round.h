// Rounding to bfloat16; included once for each kind of processor (kinds.h).

REDIFF_TARGET inline void round(const float* sums, float bias, int64_t count, uint16_t* to) {
  for (int64_t i = 0; i < count; i++) {
    const float value = sums[i] + bias;
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    const uint32_t nearest = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    to[i] = static_cast<uint16_t>(value != value ? 0x7fc0 : nearest);
  }
}
