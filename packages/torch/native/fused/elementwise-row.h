// Rows of activations; included once for each kind of processor (kinds.h).

/** x / sqrt(mean(x^2) + eps), rounded to T, times the weight. Squares are summed in float64 from block to block. */
template <typename T>
REDIFF_TARGET inline void normRow(const T* x, const T* weight, T* y, int64_t width, float eps) {
  constexpr int64_t kBlock = 512;
  double total = 0;
  for (int64_t begin = 0; begin < width; begin += kBlock) {
    const int64_t end = std::min(width, begin + kBlock);
    F8 squares = {};
    for (int64_t i = begin; i < end; i += kLanes) {
      F8 v;
      loadFirst(v, x + i, end - i);
      squares += v * v;
    }
    total += sumOf(squares);
  }
  const float mean = static_cast<float>(total / static_cast<double>(width));
  const float scale = 1.0f / std::sqrt(mean + eps);
  for (int64_t i = 0; i < width; i += kLanes) {
    F8 v, w;
    loadFirst(v, x + i, width - i);
    loadFirst(w, weight + i, width - i);
    v = v * scale;
    roundTo(x, v);
    v = v * w;
    roundTo(x, v);
    storeFirst(y + i, v, width - i);
  }
}

/** gate = silu(gate) * up */
template <typename T>
REDIFF_TARGET inline void gateRow(T* gate, const T* up, int64_t count) {
  for (int64_t i = 0; i < count; i += kLanes) {
    F8 a, b;
    loadFirst(a, gate + i, count - i);
    loadFirst(b, up + i, count - i);
    gated<T>(a, b);
    storeFirst(gate + i, a, count - i);
  }
}

/** Pairs (x_j, x_{j + half}) turned by their angles; each product rounds to T, as of operators one by one. */
template <typename T>
REDIFF_TARGET inline void turnRow(T* x, const T* cos, const T* sin, int64_t half) {
  for (int64_t i = 0; i < half; i += kLanes) {
    const int64_t count = half - i;
    F8 a, b, c, s;
    loadFirst(a, x + i, count);
    loadFirst(b, x + half + i, count);
    loadFirst(c, cos + i, count);
    loadFirst(s, sin + i, count);
    F8 p = a * c, q = b * s;
    roundTo(x, p);
    roundTo(x, q);
    F8 first = p - q;
    loadFirst(c, cos + half + i, count);
    loadFirst(s, sin + half + i, count);
    p = b * c, q = a * s;
    roundTo(x, p);
    roundTo(x, q);
    F8 second = p + q;
    roundTo(x, first);
    roundTo(x, second);
    storeFirst(x + i, first, count);
    storeFirst(x + half + i, second, count);
  }
}
