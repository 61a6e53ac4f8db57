// One tile; included once for each kind of processor (kinds.h), with its lanes.

REDIFF_TARGET inline void widen(const TileProduct& p, float* weights) {
  const int64_t whole = p.length / kLanes * kLanes;
  for (int64_t n = 0; n < kOutputs; n++) {
    float* to = weights + n * kBlock;
    if (n >= p.outputs) {
      std::memset(to, 0, p.length * sizeof(float));
      continue;
    }
    const uint16_t* from = p.weight + n * p.stride;
    for (int64_t k = 0; k < whole; k += kLanes) store(to + k, wide(from + k));
    for (int64_t k = whole; k < p.length; k++) {
      uint32_t bits = static_cast<uint32_t>(from[k]) << 16;
      std::memcpy(&to[k], &bits, sizeof bits);
    }
  }
}

/** Of `Vectors` times kLanes rows. The sums are registers: kOutputs * Vectors of them, beside a row's and a weight's. */
template <int Vectors>
REDIFF_TARGET inline void multiplyRows(const TileProduct& p, const float* weights) {
  Lanes sums[kOutputs][Vectors];
#pragma GCC unroll 8
  for (int n = 0; n < kOutputs; n++)
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; v++) sums[n][v] = zero();
  const float* row = p.x;
  for (int64_t k = 0; k < p.length; k++, row += Vectors * kLanes) {
    Lanes x[Vectors];
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; v++) x[v] = load(row + v * kLanes);
#pragma GCC unroll 8
    for (int n = 0; n < kOutputs; n++) {
      const Lanes weight = all(weights + n * kBlock + k);
#pragma GCC unroll 8
      for (int v = 0; v < Vectors; v++) sums[n][v] = multiplyAdd(x[v], weight, sums[n][v]);
    }
  }
#pragma GCC unroll 8
  for (int n = 0; n < kOutputs; n++)
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; v++) {
      float* to = p.sums + n * p.ofSums + v * kLanes;
      store(to, add(load(to), sums[n][v]));
    }
}

REDIFF_TARGET inline void multiply(const TileProduct& p, const float* weights) {
  switch (p.rows / kLanes) {
    case 1:
      return multiplyRows<1>(p, weights);
    case 2:
      return multiplyRows<2>(p, weights);
    case 3:
      if constexpr (kMost > 2) return multiplyRows<3>(p, weights);
      break;
    case 4:
      if constexpr (kMost > 3) return multiplyRows<4>(p, weights);
      break;
  }
}
