// Linear layers with quantised weights: y = x w^T + b, w in 8 or 4 bits, x rounded to 8 bits row by row.
//
// Blocks of inputs, a group each, are rotated by a Hadamard matrix H on both sides, x w^T = (x H) (w H)^T: a few large
// values become many ordinary ones, and a step of a group is small (QuaRot, arXiv 2404.00456). Every row and every output
// has one scale for each group. libtorch's own int8 products take one scale for a whole x, and saturate silently on
// processors without VNNI; of its int4 products none is made for many rows.
#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/BFloat16.h>

#include <cstdlib>

#include "env.h"
#include "in-parallel.h"
#include "quantized/kernels.h"

namespace rediff {
namespace {

using namespace quantized;

/** Whether the environment leaves this kernel: ATEN_CPU_CAPABILITY, with which libtorch computes as on a lesser processor. */
bool isWithinLimit(const Kernel& kernel) {
  static const char* given = std::getenv("ATEN_CPU_CAPABILITY");
  const std::string limit = given == nullptr ? "" : given, name = kernel.name;
  return name == "plain" || (limit == "avx2" ? name == "avx2" : limit != "default");
}

bool isUsable(const Kernel& kernel) {
  return kernel.usable() && isWithinLimit(kernel);
}

const Kernel& kernelNamed(const std::string& name) {
  for (const Kernel& kernel : kKernels)
    if (name == kernel.name) {
      if (!isUsable(kernel)) throw BadArgument("this processor cannot run the kernel " + name);
      return kernel;
    }
  throw BadArgument("there is no kernel " + name);
}

const Kernel& bestKernel() {
  static const Kernel& best = *std::find_if(std::begin(kKernels), std::end(kKernels), isUsable);
  return best;
}

const Kernel& kernelOf(Env& e, napi_value name) {
  return isMissing(e, name) ? bestKernel() : kernelNamed(toString(e, name, "kernel"));
}

int64_t roundUp(int64_t n, int64_t to) {
  return (n + to - 1) / to * to;
}

int groupOf(int64_t group) {
  if (group != 32 && group != 64 && group != 128) throw BadArgument("a group has 32, 64 or 128 inputs");
  return static_cast<int>(group);
}

const uint16_t* bits(const c10::BFloat16* values) {
  return reinterpret_cast<const uint16_t*>(values);
}

/** Elements of row `row` of a float32 or bfloat16 matrix from `first` on, zeros behind its end. */
void readPart(const at::Tensor& x, int64_t row, int64_t first, int n, float* to, const Kernel& kernel) {
  int64_t width = x.size(1), inside = std::clamp<int64_t>(width - first, 0, n);
  if (x.scalar_type() == at::kFloat) {
    std::memcpy(to, x.const_data_ptr<float>() + row * width + first, inside * sizeof(float));
  } else {
    kernel.rows.widen(bits(x.const_data_ptr<c10::BFloat16>() + row * width + first), inside, to);
  }
  std::fill(to + inside, to + n, 0.0f);
}

bool isReadable(const at::Tensor& t) {
  return t.is_cpu() && t.dim() >= 1 && (t.scalar_type() == at::kFloat || t.scalar_type() == at::kBFloat16);
}

at::Tensor asMatrix(const at::Tensor& t) {
  return t.reshape({-1, t.size(-1)}).contiguous();
}

/** quantizeWeight(weight [O, I], bits, group): [packed, scales] */
napi_value quantizeWeight(Call& call) {
  Env& e = call.e;
  at::Tensor given = toTensor(e, call[0], "weight");
  int64_t bits = toInt(e, call[1], "bits");
  int group = groupOf(toInt(e, call[2], "group"));
  if (bits != 8 && bits != 4) throw BadArgument("weights have 8 or 4 bits");
  if (!isReadable(given) || given.dim() != 2 || given.numel() == 0)
    throw BadArgument("takes a float32 or bfloat16 matrix on the CPU, got " + describe(given));
  std::optional<c10::InferenceMode> inference;
  if (e.inferenceMode) inference.emplace(true);
  at::Tensor weight = given.detach().contiguous();
  int64_t outputs = weight.size(0), panels = roundUp(outputs, kPanel) / kPanel;
  int64_t groups = roundUp(weight.size(1), group) / group;
  at::Tensor packed = bits == 8 ? at::zeros({panels, groups * group / 4, kPanel, 4}, at::kChar)
                                : at::zeros({panels, groups * group / 8, kPanel, 4}, at::kByte);
  at::Tensor scales = at::zeros({panels, groups, kPanel}, at::kFloat);
  auto bytes = static_cast<uint8_t*>(packed.mutable_data_ptr());
  float* scaleOf = scales.mutable_data_ptr<float>();
  const Kernel& kernel = bestKernel();
  const float norm = 1 / std::sqrt(static_cast<float>(group));
  std::atomic<bool> finite{true};
  inParallel(panels, [&](int64_t begin, int64_t end) {
    float v[kLargestGroup];
    int8_t q[kLargestGroup];
    for (int64_t panel = begin; panel < end; panel++)
      for (int64_t g = 0; g < groups; g++) {
        uint8_t* to = bytes + (panel * groups + g) * panelBytes(bits, group);
        for (int j = 0; j < kPanel; j++) {
          int64_t output = panel * kPanel + j;
          if (output < outputs) {
            readPart(weight, output, g * group, group, v, kernel);
            kernel.rows.rotate(v, group);
            for (int i = 0; i < group; i++) v[i] *= norm;
          } else {
            std::fill(v, v + group, 0.0f);
          }
          float scale = 0;
          int32_t sum = 0;
          if (bits == 8)
            kernel.rows.round(v, group, q, &scale, &sum);
          else
            kernel.rows.round4(v, group, q, &scale);
          for (int i = 0; i < group; i++)
            if (!std::isfinite(v[i])) finite = false;
          scaleOf[(panel * groups + g) * kPanel + j] = scale;
          for (int k = 0; k < group; k++) {
            if (bits == 8)
              to[(k / 4 * kPanel + j) * 4 + k % 4] = static_cast<uint8_t>(q[k]);
            else
              to[(k / 8 * kPanel + j) * 4 + k % 4] |= static_cast<uint8_t>((q[k] + 8) << (k % 8 < 4 ? 0 : 4));
          }
        }
      }
  });
  if (!finite) throw BadArgument("the weight has values that are not finite");
  return fromTensorList(e, {packed, scales});
}

/** Quantised weights as they cross the border, checked against each other. */
struct Packed {
  Packed(Env& e, napi_value packedValue, napi_value scalesValue, napi_value outputsValue)
      : packed(toTensor(e, packedValue, "packed")), scales(toTensor(e, scalesValue, "scales")) {
    outputs = toInt(e, outputsValue, "outputs");
    bits = packed.scalar_type() == at::kChar ? 8 : 4;
    bool fits = packed.is_cpu() && scales.is_cpu() && packed.is_contiguous() && scales.is_contiguous() &&
        (bits == 8 || packed.scalar_type() == at::kByte) && scales.scalar_type() == at::kFloat && packed.dim() == 4 &&
        scales.dim() == 3 && packed.size(2) == kPanel && packed.size(3) == 4 && scales.size(2) == kPanel &&
        packed.size(0) == scales.size(0) && scales.size(1) > 0 && outputs > 0 &&
        packed.size(0) == roundUp(outputs, kPanel) / kPanel;
    if (fits) {
      groups = scales.size(1);
      int64_t inputs = packed.size(1) * (bits == 8 ? 4 : 8);
      fits = inputs % groups == 0;
      if (fits) group = groupOf(inputs / groups);
    }
    if (!fits)
      throw BadArgument(
          "these are no quantised weights of " + std::to_string(outputs) + " outputs: " + describe(packed) + ", scales " +
          describe(scales));
  }

  void assertInputs(int64_t inputs) const {
    if (inputs < 1 || roundUp(inputs, group) != groups * group)
      throw BadArgument(
          "the weights have " + std::to_string(groups) + " groups of " + std::to_string(group) + " inputs, not " +
          std::to_string(inputs));
  }

  at::Tensor packed, scales;
  int64_t outputs = 0, groups = 0;
  int group = 0, bits = 0;
};

/** dequantizeWeight(packed, scales, outputs, inputs): float32 [O, I], as it was before rotation */
napi_value dequantizeWeight(Call& call) {
  Env& e = call.e;
  Packed w(e, call[0], call[1], call[2]);
  int64_t inputs = toInt(e, call[3], "inputs");
  w.assertInputs(inputs);
  std::optional<c10::InferenceMode> inference;
  if (e.inferenceMode) inference.emplace(true);
  at::Tensor result = at::empty({w.outputs, inputs}, at::kFloat);
  float* to = result.mutable_data_ptr<float>();
  auto bytes = static_cast<const uint8_t*>(w.packed.const_data_ptr());
  const float* scaleOf = w.scales.const_data_ptr<float>();
  const Kernel& kernel = bestKernel();
  const float norm = 1 / std::sqrt(static_cast<float>(w.group));
  inParallel(w.packed.size(0), [&](int64_t begin, int64_t end) {
    int16_t steps[kLargestGroup * kPanel];
    float v[kLargestGroup];
    for (int64_t panel = begin; panel < end; panel++)
      for (int64_t g = 0; g < w.groups; g++) {
        GroupProduct p{};
        p.packed = bytes + (panel * w.groups + g) * panelBytes(w.bits, w.group);
        p.bits = w.bits;
        p.group = w.group;
        plain::unpack(p, steps);
        for (int j = 0; j < kPanel && panel * kPanel + j < w.outputs; j++) {
          float scale = scaleOf[(panel * w.groups + g) * kPanel + j] * norm;
          for (int k = 0; k < w.group; k++) v[k] = static_cast<float>(steps[k * kPanel + j]) * scale;
          kernel.rows.rotate(v, w.group);
          int64_t first = g * w.group;
          std::memcpy(
              to + (panel * kPanel + j) * inputs + first, v, std::min<int64_t>(w.group, inputs - first) * sizeof(float));
        }
      }
  });
  return fromInt(e, e.put(result));
}

/** rotateBlocks(x, group): float32 [..., I padded to whole groups], each group times the orthogonal Hadamard matrix */
napi_value rotateBlocks(Call& call) {
  Env& e = call.e;
  at::Tensor given = toTensor(e, call[0], "x");
  int group = groupOf(toInt(e, call[1], "group"));
  if (!isReadable(given)) throw BadArgument("takes float32 or bfloat16 on the CPU, got " + describe(given));
  at::Tensor x = asMatrix(given.detach());
  int64_t width = roundUp(x.size(1), group);
  auto shape = given.sizes().vec();
  shape.back() = width;
  at::Tensor result = at::empty(shape, at::kFloat);
  float* to = result.mutable_data_ptr<float>();
  const Kernel& kernel = bestKernel();
  const float norm = 1 / std::sqrt(static_cast<float>(group));
  for (int64_t row = 0; row < x.size(0); row++)
    for (int64_t first = 0; first < width; first += group) {
      float* v = to + row * width + first;
      readPart(x, row, first, group, v, kernel);
      kernel.rows.rotate(v, group);
      for (int i = 0; i < group; i++) v[i] *= norm;
    }
  return fromInt(e, e.put(result));
}

/** Rows rounded for a kernel; what `view` points to. */
struct RoundedRows {
  RoundedRows(const at::Tensor& x, const Packed& w, const Kernel& kernel) {
    const bool wide = w.bits == 8 && kernel.wide8;
    const int tile = kernel.tile, group = w.group, unit = wide ? 2 : 4;
    const int64_t rows = x.size(0), padded = roundUp(rows, tile);
    stepBytes = wide ? 2 : 1;
    steps = at::empty({w.groups * padded * group * stepBytes}, at::kByte);
    scales = at::empty({w.groups, padded}, at::kFloat);
    sums = at::empty({w.groups, padded}, at::kInt);
    auto bytes = static_cast<uint8_t*>(steps.mutable_data_ptr());
    float* scaleOf = scales.mutable_data_ptr<float>();
    int32_t* sumOf = sums.mutable_data_ptr<int32_t>();
    const float norm = 1 / std::sqrt(static_cast<float>(group));
    inParallel(padded / tile, [&](int64_t begin, int64_t end) {
      float v[kLargestGroup];
      int8_t q[kLargestGroup];
      for (int64_t at = begin; at < end; at++)
        for (int64_t g = 0; g < w.groups; g++) {
          const int64_t first = g * padded + at * tile;
          uint8_t* to = bytes + first * group * stepBytes;
          for (int i = 0; i < tile; i++) {
            float& scale = scaleOf[first + i];
            int32_t& sum = sumOf[first + i];
            if (at * tile + i < rows) {
              readPart(x, at * tile + i, g * group, group, v, kernel);
              kernel.rows.rotate(v, group);
              kernel.rows.round(v, group, q, &scale, &sum);
              scale *= norm;
            } else {
              scale = 0, sum = 0;
              std::memset(q, 0, group);
            }
            for (int k = 0; k < group; k += unit) {
              uint8_t* here = to + (k * tile + i * unit) * stepBytes;
              if (wide) {
                int16_t pair[2] = {q[k], q[k + 1]};
                std::memcpy(here, pair, sizeof pair);
              } else {
                std::memcpy(here, q + k, 4);
              }
            }
          }
        }
    });
  }

  at::Tensor steps, scales, sums;
  int stepBytes = 1;
};

/** quantizedLinear(x, packed, scales, outputs, bias | undefined, kernel | undefined): [..., I] -> [..., O], in x's dtype */
napi_value quantizedLinear(Call& call) {
  Env& e = call.e;
  at::Tensor x = toTensor(e, call[0], "x");
  Packed w(e, call[1], call[2], call[3]);
  std::optional<at::Tensor> bias;
  if (!isMissing(e, call[4])) bias = toTensor(e, call[4], "bias");
  const Kernel& kernel = kernelOf(e, call[5]);
  if (!isReadable(x)) throw BadArgument("takes float32 or bfloat16 on the CPU, got " + describe(x));
  w.assertInputs(x.size(-1));
  if (bias && (!isReadable(*bias) || bias->dim() != 1 || bias->size(0) != w.outputs))
    throw BadArgument("the bias does not fit: " + describe(*bias));
  if (c10::GradMode::is_enabled() && x.requires_grad())
    throw BadArgument("quantised weights have no gradients: use them without, or train the model before it is quantised");
  std::optional<c10::InferenceMode> inference;
  if (e.inferenceMode) inference.emplace(true);

  auto shape = x.sizes().vec();
  shape.back() = w.outputs;
  at::Tensor result = at::empty(shape, x.scalar_type());
  at::Tensor flat = asMatrix(x);
  const int64_t rows = flat.size(0), outputs = w.outputs;
  if (rows == 0) return fromInt(e, e.put(result));
  RoundedRows rounded(flat, w, kernel);
  const int64_t padded = rounded.scales.size(1);
  at::Tensor offsets = bias ? bias->detach().to(at::kFloat).contiguous() : at::Tensor();
  auto steps = static_cast<const uint8_t*>(rounded.steps.const_data_ptr());
  const float* rowScales = rounded.scales.const_data_ptr<float>();
  const int32_t* rowSums = rounded.sums.const_data_ptr<int32_t>();
  auto bytes = static_cast<const uint8_t*>(w.packed.const_data_ptr());
  const float* scaleOf = w.scales.const_data_ptr<float>();
  const float* offset = bias ? offsets.const_data_ptr<float>() : nullptr;
  void* out = result.mutable_data_ptr();
  const bool narrow = x.scalar_type() == at::kBFloat16;
  const int64_t rowBlock = kRowBlock / kernel.tile * kernel.tile;
  inParallel(w.packed.size(0), [&](int64_t begin, int64_t end) {
    alignas(64) float y[kPanelBlock * kRowBlock * kPanel];
    for (int64_t firstPanel = begin; firstPanel < end; firstPanel += kPanelBlock)
      for (int64_t first = 0; first < padded; first += rowBlock) {
        const int64_t panels = std::min<int64_t>(kPanelBlock, end - firstPanel);
        GroupProduct p{};
        p.bits = w.bits;
        p.group = w.group;
        p.rows = std::min<int64_t>(rowBlock, padded - first);
        std::fill(y, y + panels * kRowBlock * kPanel, 0.0f);
        for (int64_t g = 0; g < w.groups; g++) {
          p.steps = steps + (g * padded + first) * w.group * rounded.stepBytes;
          p.rowScales = rowScales + g * padded + first;
          p.rowSums = rowSums + g * padded + first;
          for (int64_t i = 0; i < panels; i++) {
            p.y = y + i * kRowBlock * kPanel;
            p.packed = bytes + ((firstPanel + i) * w.groups + g) * panelBytes(w.bits, w.group);
            p.scales = scaleOf + ((firstPanel + i) * w.groups + g) * kPanel;
            kernel.multiply(p);
          }
        }
        for (int64_t row = first; row < std::min(first + p.rows, rows); row++)
          for (int64_t i = 0; i < panels; i++) {
            const int64_t panel = firstPanel + i;
            const int64_t left = std::min<int64_t>(kPanel, outputs - panel * kPanel);
            float* from = y + (i * kRowBlock + row - first) * kPanel;
            if (offset != nullptr)
              for (int64_t j = 0; j < left; j++) from[j] += offset[panel * kPanel + j];
            int64_t at = row * outputs + panel * kPanel;
            if (narrow)
              kernel.rows.narrow(from, left, static_cast<uint16_t*>(out) + at);
            else
              std::memcpy(static_cast<float*>(out) + at, from, left * sizeof(float));
          }
      }
  });
  return fromInt(e, e.put(result));
}

/** quantizedKernels(): names of those that this processor runs, the one that is taken first */
napi_value quantizedKernels(Call& call) {
  std::vector<std::string> names;
  for (const Kernel& kernel : kKernels)
    if (isUsable(kernel)) names.push_back(kernel.name);
  napi_value array = newArray(call.e, names.size());
  for (size_t i = 0; i < names.size(); i++) setElement(call.e, array, i, fromString(call.e, names[i]));
  return array;
}

}  // namespace

std::vector<NativeFunction> quantizedFunctions() {
  return {
      function<"quantizeWeight", quantizeWeight>(), function<"dequantizeWeight", dequantizeWeight>(),
      function<"rotateBlocks", rotateBlocks>(),     function<"quantizedLinear", quantizedLinear>(),
      function<"quantizedKernels", quantizedKernels>(),
  };
}

}  // namespace rediff
