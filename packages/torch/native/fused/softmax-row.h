// One row of logits; included once for each kind of processor (kinds.h).

/** sum of e^z and of z e^z over a block, z = value - top; e^z in float32, summed in float64 from block to block. */
REDIFF_INLINE void addWeights(const float* block, int64_t count, float top, double& weight, double& surprise) {
  const F8 least = F8{} - 1000.0f;  // e^z is 0 from far above it, and 0 times minus infinity would be no number
  F8 weights = {}, surprises = {};
  for (int64_t i = 0; i < count; i += kLanes) {
    F8 z;
    load(z, block + i);
    z = z - top;
    z = z < least ? least : z;
    F8 w = z;
    exponential(w);
    weights += w;
    surprises += w * z;
  }
  weight += sumOf(weights);
  surprise += sumOf(surprises);
}

/** The same with e^z in float64. */
REDIFF_INLINE void addWeightsPrecisely(const float* block, int64_t count, float top, double& weight, double& surprise) {
  const F8 least = F8{} - 1000.0f + top;
  D4 weights = {}, surprises = {};
  for (int64_t i = 0; i < count; i += kLanes) {
    F8 value;
    load(value, block + i);
    value = value < least ? least : value;
    F4 halves[2];
    std::memcpy(halves, &value, sizeof halves);
    for (const F4& half : halves) {
      D4 z = __builtin_convertvector(half, D4) - static_cast<double>(top);
      D4 w = z;
      exponential(w);
      weights += w;
      surprises += w * z;
    }
  }
  for (int i = 0; i < 4; i++) weight += weights[i], surprise += surprises[i];
}

/** Values of a row, from id `first` on: into the state of what was seen before. */
template <typename T>
REDIFF_TARGET inline void addRow(const T* row, int64_t count, int64_t first, bool precise, RowState& state) {
  constexpr int64_t kBlock = 512;
  constexpr float oo = std::numeric_limits<float>::infinity();
  alignas(32) float block[kBlock];
  for (int64_t begin = 0; begin < count; begin += kBlock) {
    const int64_t length = std::min(kBlock, count - begin), padded = (length + kLanes - 1) / kLanes * kLanes;
    F8 most = F8{} - oo;
    I8 nan = {};
    for (int64_t i = 0; i < length; i += kLanes) {
      F8 v;
      loadFirst(v, row + begin + i, length - i);
      store(block + i, v);
      if (i + kLanes > length) {
        std::fill(block + length, block + padded, -oo);
        load(v, block + i);
      }
      most = v > most ? v : most;
      nan |= v != v;
    }
    float top = -oo;
    bool isNan = false;
    for (int i = 0; i < kLanes; i++) {
      top = most[i] > top ? most[i] : top;
      isNan = isNan || nan[i] != 0;
    }
    if (std::isnan(state.top)) return;
    if (isNan) {
      int64_t at = 0;
      while (!std::isnan(block[at])) at++;
      state = {std::numeric_limits<float>::quiet_NaN(), first + begin + at, NAN, NAN};
      return;
    }
    if (top > state.top) {
      int64_t at = 0;
      while (block[at] != top) at++;
      state.token = first + begin + at;
      // What was the likeliest is one of the others now. Before the first there was none.
      const double less = static_cast<double>(state.top) - top, scale = std::exp(less);
      const bool isFirst = state.top == -oo;
      state.surprise = isFirst ? 0 : scale * (state.surprise + less * (state.others + 1));
      state.others = isFirst ? 0 : scale * (state.others + 1);
      state.top = top;
      block[at] = -oo;
    }
    if (state.top == -oo) continue;
    if (state.top == oo) {
      state.others = state.surprise = NAN;
      continue;
    }
    if (precise)
      addWeightsPrecisely(block, padded, state.top, state.others, state.surprise);
    else
      addWeights(block, padded, state.top, state.others, state.surprise);
  }
}
