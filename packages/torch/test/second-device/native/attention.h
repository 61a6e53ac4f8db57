// Flash attention in its varlen form, for sequences that lie end to end: the CPU's attention, one after the other. It
// takes what CUDA's takes, but for float32 beside the narrow dtypes, and refuses what CUDA's refuses, or would read as
// if it were right.
#pragma once

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/scaled_dot_product_attention.h>

#include "graphs.h"
#include "pinned.h"
#include "transfers.h"

namespace apart {

/** What can be told of cumulative lengths without looking at them. */
inline at::Tensor startsOnHost(const std::optional<at::Tensor>& cumulative, const at::Tensor& rows, Aliases& aliases) {
  TORCH_CHECK(cumulative.has_value() && cumulative->defined(), "flash attention: both cumulative lengths are needed");
  TORCH_CHECK(
      cumulative->scalar_type() == at::kInt, "flash attention: cumulative lengths are int32, got ", cumulative->dtype());
  TORCH_CHECK(
      cumulative->device() == rows.device(), "flash attention: cumulative lengths are on ", cumulative->device());
  TORCH_CHECK(
      cumulative->dim() == 1 && cumulative->size(0) > 1, "flash attention: cumulative lengths are [sequences + 1]");
  TORCH_CHECK(cumulative->is_contiguous(), "flash attention: cumulative lengths are not contiguous");
  return aliases.onHost(*cumulative);
}

/** Lengths of sequences, from where each begins. The device reads them, whenever it computes, and not the host. */
inline std::vector<int64_t> lengthsOf(const at::Tensor& cumulative, int64_t rows, int64_t most) {
  const int32_t* starts = cumulative.const_data_ptr<int32_t>();
  TORCH_CHECK(starts[0] == 0, "flash attention: the first sequence begins at ", starts[0]);
  std::vector<int64_t> lengths;
  for (int64_t i = 1; i < cumulative.size(0); i++) lengths.push_back(starts[i] - starts[i - 1]);
  for (int64_t length : lengths)
    TORCH_CHECK(
        length >= 0 && length <= most, "flash attention: a sequence has ", length, " rows of at most ", most);
  TORCH_CHECK(
      starts[lengths.size()] == rows, "flash attention: sequences of ", starts[lengths.size()], " rows, not ", rows);
  return lengths;
}

/** By its first arguments, since versions of libtorch differ in the last ones. */
inline void flashAttention(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const size_t count = op.schema().arguments().size();
  const std::vector<c10::IValue> given(stack->end() - count, stack->end());
  torch::jit::drop(*stack, count);
  const at::Tensor query = given[0].toTensor(), key = given[1].toTensor(), value = given[2].toTensor();
  const auto startsOfQueries = given[3].toOptional<at::Tensor>(), startsOfKeys = given[4].toOptional<at::Tensor>();
  const int64_t mostQueries = given[5].toInt(), mostKeys = given[6].toInt();
  const auto scale = given[10].toOptional<double>();
  bool isPlain = given[7].toDouble() == 0 && !given[8].toBool() && !given[9].toBool();
  for (size_t i = 11; i < count; i++) isPlain = isPlain && given[i].isNone();
  TORCH_CHECK(isPlain, "flash attention: the tests' device has the plain form only");
  const c10::Device device = query.device();
  for (const at::Tensor* each : {&query, &key, &value}) {
    TORCH_CHECK(each->dim() == 3 && each->stride(2) == 1, "flash attention: tensors are [rows, heads, width], dense in width");
    TORCH_CHECK(each->device() == device && each->dtype() == query.dtype(), "flash attention: tensors differ in dtype or device");
    TORCH_CHECK(each->size(2) == query.size(2), "flash attention: tensors differ in width");
  }
  TORCH_CHECK(at::isFloatingType(query.scalar_type()) && query.scalar_type() != at::kDouble, "flash attention: does not support dtype ", query.dtype());
  TORCH_CHECK(query.size(2) % 8 == 0 && query.size(2) <= 256, "flash attention: does not support heads of width ", query.size(2));
  TORCH_CHECK(key.sizes() == value.sizes(), "flash attention: keys are ", key.sizes(), ", values ", value.sizes());
  const int64_t heads = query.size(1), groups = heads / key.size(1);
  TORCH_CHECK(groups * key.size(1) == heads, "flash attention: ", key.size(1), " heads for ", heads);

  noteKernel("aten::_flash_attention_forward", query);
  pinned().settle();
  at::AutoDispatchBelowADInplaceOrView below;
  Aliases aliases;
  const at::Tensor starts = startsOnHost(startsOfQueries, query, aliases), ends = startsOnHost(startsOfKeys, key, aliases);
  TORCH_CHECK(
      starts.size(0) == ends.size(0), "flash attention: ", starts.size(0) - 1, " sequences ask ", ends.size(0) - 1);
  // CUDA's puts grouped heads in the place of rows then, and counts on one row for each.
  TORCH_CHECK(
      mostQueries != 1 || groups == 1 || query.size(0) == starts.size(0) - 1,
      "flash attention: a sequence without a row beside those of one");
  for (const at::Tensor* each : {&query, &key, &value, &*startsOfQueries, &*startsOfKeys})
    touched("aten::_flash_attention_forward", *each, false);
  const at::Tensor q = aliases.onHost(query), k = aliases.onHost(key), v = aliases.onHost(value);
  const at::Tensor attended = at::empty(q.sizes(), q.options());
  auto run = [=] {
    at::AutoDispatchBelowADInplaceOrView below;
    const auto queries = lengthsOf(starts, q.size(0), mostQueries), keys = lengthsOf(ends, k.size(0), mostKeys);
    int64_t row = 0, position = 0;
    auto some = [](const at::Tensor& all, int64_t start, int64_t count) {
      return all.narrow(0, start, count).transpose(0, 1).unsqueeze(0);
    };
    for (size_t i = 0; i < queries.size(); i++) {
      if (queries[i] > 0) {
        TORCH_CHECK(keys[i] > 0, "flash attention: a sequence without keys");
        auto seen = [&](const at::Tensor& all) {
          auto own = some(all, position, keys[i]);
          return groups == 1 ? own : own.repeat_interleave(groups, 1);
        };
        auto own = at::scaled_dot_product_attention(
            some(q, row, queries[i]), seen(k), seen(v), std::nullopt, 0, false, scale);
        some(attended, row, queries[i]).copy_(own);
      }
      row += queries[i];
      position += keys[i];
    }
  };
  run();
  recordStep(run);
  stack->push_back(made(aliases.onDevice(attended, device)));
  for (int i = 1; i < 5; i++) stack->push_back(made(aliases.onDevice(at::empty({0}, q.options()), device)));
}

}  // namespace apart
