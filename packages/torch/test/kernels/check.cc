// Every kernel for quantised weights that this processor runs beside the plain one, to the bit, without libtorch: so it is
// also compiled for other processors, and run on a model of one (quantized-kernels.test.ts).
//
// Prints the kernels' names, then a digest of what the plain one gives: it is the same on all processors. Ends with 1, and a
// line for each, where a kernel differs.
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "kernels.h"

using namespace rediff::quantized;

namespace {

int failures = 0;
uint64_t digest = 1469598103934665603ull;  // FNV-1a

void count(const void* bytes, size_t size) {
  for (size_t i = 0; i < size; i++) digest = (digest ^ static_cast<const uint8_t*>(bytes)[i]) * 1099511628211ull;
}

void assertSame(const std::string& what, const void* wanted, const void* got, size_t size) {
  if (std::memcmp(wanted, got, size) == 0) return;
  failures++;
  std::printf("differs: %s\n", what.c_str());
}

struct Random {
  uint64_t state;
  uint32_t next() {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return static_cast<uint32_t>(state >> 33);
  }
  int within(int low, int high) { return low + static_cast<int>(next() % static_cast<uint32_t>(high - low + 1)); }
  float real() { return static_cast<float>(within(-1000000, 1000000)) / 250000.0f; }
};

enum class Values { random, largest, smallest, opposite };

const Kernel& plainKernel() {
  return *std::find_if(std::begin(kKernels), std::end(kKernels), [](const Kernel& k) { return std::string("plain") == k.name; });
}

/** The steps of rows as a kernel wants them. */
std::vector<uint8_t> laidOut(const std::vector<int8_t>& steps, int rows, int group, int bits, const Kernel& kernel) {
  const bool wide = bits == 8 && kernel.wide8;
  const int unit = wide ? 2 : 4, bytes = wide ? 2 : 1;
  std::vector<uint8_t> to(static_cast<size_t>(rows) * group * bytes);
  for (int row = 0; row < rows; row++)
    for (int k = 0; k < group; k++) {
      const int at = row / kernel.tile * kernel.tile * group + (k / unit * kernel.tile + row % kernel.tile) * unit + k % unit;
      const int8_t step = steps[row * group + k];
      if (wide) {
        const int16_t value = step;
        std::memcpy(&to[at * 2], &value, 2);
      } else {
        to[at] = static_cast<uint8_t>(step);
      }
    }
  return to;
}

std::vector<float> product(const Kernel& kernel, int bits, int group, int rows, Values values) {
  Random random{static_cast<uint64_t>(bits * 1000 + group + rows * 7)};
  const int most = bits == 8 ? 127 : 7;
  std::vector<uint8_t> packed(panelBytes(bits, group) * 2);  // the next group is fetched ahead
  for (auto& byte : packed) {
    // Bytes of any value are weights of 4 bits; of 8 bits -128 is one that files may have.
    const int high = values == Values::largest ? most : -most - 1;
    byte = values == Values::random ? static_cast<uint8_t>(random.next())
        : bits == 8                 ? static_cast<uint8_t>(high)
                                    : static_cast<uint8_t>((high + 8) * 17);
  }
  std::vector<int8_t> steps(static_cast<size_t>(rows) * group);
  for (auto& step : steps)
    step = static_cast<int8_t>(
        values == Values::random ? random.within(-127, 127) : values == Values::smallest ? -127 : 127);
  std::vector<float> scales(kPanel), rowScales(rows), y(static_cast<size_t>(rows) * kPanel);
  for (auto& scale : scales) scale = random.real();
  for (auto& scale : rowScales) scale = random.real();
  for (auto& value : y) value = random.real();
  std::vector<int32_t> sums(rows);
  for (int i = 0; i < rows * group; i++) sums[i / group] += steps[i];
  auto laid = laidOut(steps, rows, group, bits, kernel);
  kernel.multiply({packed.data(), scales.data(), bits, group, laid.data(), rowScales.data(), sums.data(), rows, y.data()});
  return y;
}

void products() {
  for (const int bits : {8, 4})
    for (const int group : {32, 64, 128})
      for (const int rows : {48, 96})  // whole tiles of every kernel
        for (const Values values : {Values::random, Values::largest, Values::smallest, Values::opposite}) {
          auto wanted = product(plainKernel(), bits, group, rows, values);
          count(wanted.data(), wanted.size() * sizeof(float));
          for (const Kernel& kernel : kKernels) {
            if (!kernel.usable()) continue;
            auto got = product(kernel, bits, group, rows, values);
            const std::string what = std::string(kernel.name) + ", " + std::to_string(bits) + " bits, groups of " +
                std::to_string(group) + ", " + std::to_string(rows) + " rows, values " +
                std::to_string(static_cast<int>(values));
            assertSame(what, wanted.data(), got.data(), wanted.size() * sizeof(float));
          }
        }
}

/** What is done to one group of values. */
struct Rounded {
  float rotated[kLargestGroup] = {};
  int8_t steps[kLargestGroup] = {};
  float scale = 0;
  int32_t sum = 0;
  int8_t steps4[kLargestGroup] = {};
  float scale4 = 0;
  uint16_t narrow[kLargestGroup] = {};
  float wide[kLargestGroup] = {};
};

Rounded roundedBy(const RowKernels& rows, const std::vector<float>& values) {
  Rounded r;
  const int n = static_cast<int>(values.size());
  std::copy(values.begin(), values.end(), r.rotated);
  rows.rotate(r.rotated, n);
  rows.round(r.rotated, n, r.steps, &r.scale, &r.sum);
  rows.round4(r.rotated, n, r.steps4, &r.scale4);
  rows.narrow(values.data(), n, r.narrow);
  rows.widen(r.narrow, n, r.wide);
  return r;
}

void rounding() {
  Random random{7};
  for (int trial = 0; trial < 600; trial++) {
    const int n = 32 << trial % 3;
    std::vector<float> values(n);
    const float size = trial % 5 == 0 ? 1e-32f : trial % 5 == 1 ? 1e30f : 1.0f;
    for (auto& value : values) value = random.real() * size;
    if (trial % 7 == 0) std::fill(values.begin(), values.end(), 0.0f);
    if (trial % 11 == 0) values[random.within(0, n - 1)] = std::numeric_limits<float>::infinity();
    const Rounded wanted = roundedBy(plainKernel().rows, values);
    // What is not finite has no bits that processors agree on: NaNs have signs.
    if (trial % 11 != 0) count(&wanted, sizeof wanted);
    for (const Kernel& kernel : kKernels) {
      if (!kernel.usable()) continue;
      const Rounded got = roundedBy(kernel.rows, values);
      const std::string what = std::string(kernel.name) + ", rounding, trial " + std::to_string(trial);
      assertSame(what + ", steps", wanted.steps, got.steps, sizeof got.steps);
      assertSame(what + ", sum", &wanted.sum, &got.sum, sizeof got.sum);
      assertSame(what + ", steps of 4 bits", wanted.steps4, got.steps4, sizeof got.steps4);
      assertSame(what + ", bfloat16", wanted.narrow, got.narrow, sizeof got.narrow);
      assertSame(what + ", float32", wanted.wide, got.wide, sizeof got.wide);
      if (trial % 11 == 0) continue;
      assertSame(what + ", rotated", wanted.rotated, got.rotated, sizeof got.rotated);
      assertSame(what + ", scale", &wanted.scale, &got.scale, sizeof got.scale);
      assertSame(what + ", scale of 4 bits", &wanted.scale4, &got.scale4, sizeof got.scale4);
    }
  }
}

}  // namespace

int main() {
  std::string names;
  for (const Kernel& kernel : kKernels)
    if (kernel.usable()) names += std::string(names.empty() ? "" : " ") + kernel.name;
  products();
  rounding();
  std::printf("kernels: %s\ndigest: %016llx\n", names.c_str(), static_cast<unsigned long long>(digest));
  return failures == 0 ? 0 : 1;
}
