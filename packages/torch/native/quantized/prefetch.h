#pragma once

#include <algorithm>

#include "layout.h"

namespace rediff::quantized {

/** Fetches the panel's next group a part at a time, one for every tile of rows: weights come from memory once for a few
 *  rows, and a group at a time would be waited for. */
class Prefetch {
 public:
  Prefetch(const GroupProduct& p, int tile) {
    const int64_t bytes = panelBytes(p.bits, p.group), tiles = (p.rows + tile - 1) / tile;
    next = reinterpret_cast<const char*>(p.packed) + bytes;
    end = next + bytes;
    part = (bytes / tiles + 63) / 64 * 64;
  }

  inline __attribute__((always_inline)) void one() {
    for (const char* until = std::min(next + part, end); next < until; next += 64) __builtin_prefetch(next, 0, 3);
  }

 private:
  const char* next;
  const char* end;
  int64_t part;
};

}  // namespace rediff::quantized
