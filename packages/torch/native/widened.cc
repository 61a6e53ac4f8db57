// Products of bfloat16 matrices in float32: operands become float32 exactly, are multiplied and added up in float32, and a
// result is rounded once. For processors that multiply bfloat16 slowly or not at all.
//
// Weights are read as they lie and widened a tile at a time, which then is in the nearest cache: they are never there in
// float32 as a whole, nor packed. What a row comes to depends on that row and the weight alone: blocks of kBlock products
// are added up in their order, and then their sums in theirs, however many rows there are and on every processor.
#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/BFloat16.h>

#include <algorithm>
#include <vector>

#include "env.h"
#include "in-parallel.h"
#include "widened/kinds.h"

namespace rediff {
namespace {

using widened::kBlock;
using widened::Kind;
using widened::kKinds;
using widened::kOutputs;
using widened::TileProduct;

/** Rows that are there in float32 at a time, outputs that a thread takes: what both need lies in a core's own cache. */
constexpr int64_t kRowsTogether = 256, kOutputsTogether = 16 * kOutputs;

/** body(i) for each i below `count`. */
template <typename Body>
void eachOf(int64_t count, const Body& body) {
  inParallel(count, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) body(i);
  });
}

const Kind& kindNamed(Env& e, napi_value name) {
  const bool isAny = isMissing(e, name);
  const std::string wanted = isAny ? "" : toString(e, name, "kernel");
  for (const Kind& kind : kKinds)
    if (isAny ? widened::isUsable(kind) : kind.name == wanted) {
      if (!widened::isUsable(kind)) throw BadArgument("this processor cannot run the kernel " + wanted);
      return kind;
    }
  throw BadArgument("there is no kernel " + wanted);
}

/** Rows in float32 as tiles want them: block by block, and in it tile by tile [length][rows of the tile]. */
class WideRows {
 public:
  WideRows(const Kind& kind, int64_t rows, int64_t inputs)
      : most_(kind.rows), padded_((rows + kind.lanes - 1) / kind.lanes * kind.lanes), inputs_(inputs),
        values_(at::empty({padded_ * inputs}, at::kFloat)) {}

  int64_t padded() const { return padded_; }
  int64_t tiles() const { return (padded_ + most_ - 1) / most_; }
  int64_t rowsOf(int64_t tile) const { return std::min(most_, padded_ - tile * most_); }

  float* at(int64_t block, int64_t tile) const {
    const int64_t length = std::min(kBlock, inputs_ - block * kBlock);
    return values_.mutable_data_ptr<float>() + block * kBlock * padded_ + tile * most_ * length;
  }

  /** @param from bfloat16 [rows, inputs] */
  void fill(const uint16_t* from, int64_t rows) const {
    const int64_t blocks = (inputs_ + kBlock - 1) / kBlock;
    eachOf(blocks * tiles(), [&](int64_t i) {
      const int64_t block = i / tiles(), tile = i % tiles(), ofTile = rowsOf(tile);
      const int64_t length = std::min(kBlock, inputs_ - block * kBlock);
      float* to = at(block, tile);
      for (int64_t r = 0; r < ofTile; r++) {
        const int64_t row = tile * most_ + r;
        const uint16_t* own = from + row * inputs_ + block * kBlock;
        for (int64_t k = 0; k < length; k++) {
          const uint32_t bits = row < rows ? static_cast<uint32_t>(own[k]) << 16 : 0;
          std::memcpy(&to[k * ofTile + r], &bits, sizeof bits);
        }
      }
    });
  }

 private:
  int64_t most_, padded_, inputs_;
  at::Tensor values_;
};

struct Product {
  const uint16_t* x;           // [rows, inputs]
  const uint16_t* weight;      // [outputs, stride]
  const c10::BFloat16* bias;   // [outputs], or null
  uint16_t* y;                 // [rows, outputs]
  int64_t rows, inputs, outputs, stride;
};

void multiply(const Kind& kind, const Product& p) {
  const int64_t blocks = (p.inputs + kBlock - 1) / kBlock;
  const WideRows x(kind, p.rows, p.inputs);
  x.fill(p.x, p.rows);
  eachOf((p.outputs + kOutputsTogether - 1) / kOutputsTogether, [&](int64_t part) {
    const int64_t first = part * kOutputsTogether, count = std::min(kOutputsTogether, p.outputs - first);
    const int64_t padded = (count + kOutputs - 1) / kOutputs * kOutputs;
    std::vector<float> sums(padded * x.padded(), 0.0f), weights(padded * kBlock);
    for (int64_t block = 0; block < blocks; block++) {
      TileProduct tile{};
      tile.stride = p.stride;
      tile.length = std::min(kBlock, p.inputs - block * kBlock);
      tile.ofSums = x.padded();
      for (int64_t n = 0; n < count; n += kOutputs) {
        tile.weight = p.weight + (first + n) * p.stride + block * kBlock;
        tile.outputs = std::min<int64_t>(kOutputs, count - n);
        kind.widen(tile, weights.data() + n * kBlock);
      }
      // A tile of rows meets all of these outputs while it is in the nearest cache.
      for (int64_t t = 0; t < x.tiles(); t++)
        for (int64_t n = 0; n < count; n += kOutputs) {
          tile.x = x.at(block, t);
          tile.rows = x.rowsOf(t);
          tile.sums = sums.data() + n * x.padded() + t * kind.rows;
          kind.multiply(tile, weights.data() + n * kBlock);
        }
    }
    // Some rows at a time: rounded output by output, and written row by row.
    constexpr int64_t kRows = 16;
    uint16_t rounded[kOutputsTogether * kRows];
    for (int64_t row = 0; row < p.rows; row += kRows) {
      const int64_t some = std::min(kRows, p.rows - row);
      for (int64_t n = 0; n < count; n++) {
        const float bias = p.bias == nullptr ? 0.0f : static_cast<float>(p.bias[first + n]);
        kind.round(sums.data() + n * x.padded() + row, bias, some, rounded + n * kRows);
      }
      for (int64_t r = 0; r < some; r++) {
        uint16_t* to = p.y + (row + r) * p.outputs + first;
        for (int64_t n = 0; n < count; n++) to[n] = rounded[n * kRows + r];
      }
    }
  });
}

/** widenedLinear(x [..., I], weight [O, I], bias [O] | undefined, kernel | undefined): [..., O], all in bfloat16 */
napi_value widenedLinear(Call& call) {
  Env& e = call.e;
  at::Tensor given = toTensor(e, call[0], "x");
  at::Tensor weight = toTensor(e, call[1], "weight");
  std::optional<at::Tensor> bias;
  if (!isMissing(e, call[2])) bias = toTensor(e, call[2], "bias");
  const Kind& kind = kindNamed(e, call[3]);
  auto fits = [](const at::Tensor& t) { return t.is_cpu() && t.scalar_type() == at::kBFloat16; };
  if (!fits(given) || !fits(weight) || (bias && !fits(*bias)))
    throw BadArgument("takes bfloat16 tensors on the CPU, got " + describe(given) + " and " + describe(weight));
  if (given.dim() < 1 || weight.dim() != 2 || given.size(-1) != weight.size(1) ||
      (bias && (bias->dim() != 1 || bias->size(0) != weight.size(0))))
    throw BadArgument("shapes do not fit: " + describe(given) + ", weight " + describe(weight) +
                      (bias ? ", bias " + describe(*bias) : ""));
  for (const at::Tensor& t : {given, weight, bias.value_or(weight)})
    if (c10::GradMode::is_enabled() && t.requires_grad())
      throw BadArgument("has no gradients: use libtorch's operators where they are wanted");
  std::optional<c10::InferenceMode> inference;
  if (e.inferenceMode) inference.emplace(true);
  at::Tensor x = given.detach().contiguous();
  at::Tensor w = weight.detach();
  if (w.stride(1) != 1 || w.stride(0) < w.size(1)) w = w.contiguous();
  at::Tensor b = bias ? bias->detach().contiguous() : at::Tensor();
  std::vector<int64_t> shape = given.sizes().vec();
  shape.back() = weight.size(0);
  at::Tensor y = at::empty(shape, x.options());
  const int64_t inputs = weight.size(1), outputs = weight.size(0);
  const int64_t rows = y.numel() == 0 ? 0 : y.numel() / outputs;
  auto bits = [](const at::Tensor& t) { return reinterpret_cast<const uint16_t*>(t.const_data_ptr<c10::BFloat16>()); };
  for (int64_t row = 0; row < rows; row += kRowsTogether) {
    Product p{};
    p.x = bits(x) + row * inputs;
    p.weight = bits(w);
    p.bias = bias ? b.const_data_ptr<c10::BFloat16>() : nullptr;
    p.y = reinterpret_cast<uint16_t*>(y.mutable_data_ptr<c10::BFloat16>()) + row * outputs;
    p.rows = std::min(kRowsTogether, rows - row);
    p.inputs = inputs;
    p.outputs = outputs;
    p.stride = w.stride(0);
    multiply(kind, p);
  }
  return fromInt(e, e.put(y));
}

/** widenedKernels(): names of the kinds that this processor runs, the one that is taken first */
napi_value widenedKernels(Call& call) {
  std::vector<std::string> names;
  for (const Kind& kind : kKinds)
    if (widened::isUsable(kind)) names.push_back(kind.name);
  napi_value array = newArray(call.e, names.size());
  for (size_t i = 0; i < names.size(); i++) setElement(call.e, array, i, fromString(call.e, names[i]));
  return array;
}

}  // namespace

std::vector<NativeFunction> widenedFunctions() {
  return {function<"widenedLinear", widenedLinear>(), function<"widenedKernels", widenedKernels>()};
}

}  // namespace rediff
