// What the processes of a group compute together: collective.
#pragma once

#include "../env.h"
#include "entries.h"

namespace rediff {
namespace {

c10d::ReduceOp reduceOp(const std::string& name) {
  if (name == "sum") return c10d::ReduceOp::SUM;
  if (name == "max") return c10d::ReduceOp::MAX;
  if (name == "min") return c10d::ReduceOp::MIN;
  throw BadArgument("reduction \"" + name + "\" is none of sum, max, min");
}

// These two methods have other names since torch 2.15, with the old ones as aliases that may go.
template <typename B>
auto gatherInto(B& backend, at::Tensor& output, at::Tensor& input, const c10d::AllgatherOptions& options) {
  if constexpr (requires { backend.all_gather_single(output, input, options); })
    return backend.all_gather_single(output, input, options);
  else
    return backend._allgather_base(output, input, options);
}

template <typename B>
auto scatterInto(B& backend, at::Tensor& output, at::Tensor& input, const c10d::ReduceScatterOptions& options) {
  if constexpr (requires { backend.reduce_scatter_single(output, input, options); })
    return backend.reduce_scatter_single(output, input, options);
  else
    return backend._reduce_scatter_base(output, input, options);
}

template <typename B>
auto exchangeInto(B& backend, at::Tensor& output, at::Tensor& input, const c10d::AllToAllOptions& options) {
  std::vector<int64_t> equal;
  if constexpr (requires { backend.all_to_all_single(output, input, equal, equal, options); })
    return backend.all_to_all_single(output, input, equal, equal, options);
  else
    return backend.alltoall_base(output, input, equal, equal, options);
}

/** `parts` is [ranks, n]: what every rank has for this one. */
void reduceParts(at::Tensor output, const at::Tensor& parts, c10d::ReduceOp::RedOpType op) {
  at::NoGradGuard noGrad;
  if (op == c10d::ReduceOp::SUM)
    at::sum_out(output, parts, at::IntArrayRef{0}, false, output.scalar_type());
  else if (op == c10d::ReduceOp::MAX)
    at::amax_out(output, parts, at::IntArrayRef{0}, false);
  else
    at::amin_out(output, parts, at::IntArrayRef{0}, false);
}

/** As lists of elements: backends compare shapes, of which only the order of elements matters here. */
std::pair<at::Tensor, at::Tensor> flat(const std::vector<at::Tensor>& tensors) {
  return {tensors[0].view({-1}), tensors[1].view({-1})};
}

/** collective(group, name, output, input, reduction, root): starts it now; a promise of its end. */
napi_value collective(Call& call) {
  auto entry = groups().get(toInt(call.e, call[0], "group"), "the process group");
  auto name = toString(call.e, call[1], "collective");
  c10d::Backend& backend = *entry->backend;
  c10::intrusive_ptr<c10d::Work> work;
  std::vector<at::Tensor> held;
  std::function<void()> after;
  if (!isMissing(call.e, call[2])) held.push_back(toTensor(call.e, call[2], "output"));
  if (!isMissing(call.e, call[3])) held.push_back(toTensor(call.e, call[3], "input"));
  for (const auto& tensor : held)
    if (!tensor.is_contiguous())
      throw BadArgument("the elements of " + describe(tensor) + " do not lie one after the other: use contiguous()");
  if (name == "barrier") {
    c10d::BarrierOptions options;
    options.timeout = entry->timeout;
    work = backend.barrier(options);
  } else if (held.empty()) {
    throw BadArgument(name + " takes a tensor");
  } else if (name == "allReduce") {
    c10d::AllreduceOptions options;
    options.timeout = entry->timeout;
    options.reduceOp = reduceOp(toString(call.e, call[4], "reduction"));
    std::vector<at::Tensor> tensors{held[0]};
    work = backend.allreduce(tensors, options);
  } else if (name == "broadcast") {
    c10d::BroadcastOptions options;
    options.timeout = entry->timeout;
    options.rootRank = toInt(call.e, call[5], "root");
    std::vector<at::Tensor> tensors{held[0]};
    work = backend.broadcast(tensors, options);
  } else if (name == "allGather" && held.size() == 2) {
    c10d::AllgatherOptions options;
    options.timeout = entry->timeout;
    auto [output, input] = flat(held);
    work = gatherInto(backend, output, input, options);
  } else if (name == "reduceScatter" && held.size() == 2 && entry->isGloo) {
    // Every rank sends each other one what that one sums: half of what Gloo's own sends.
    c10d::AllToAllOptions options;
    options.timeout = entry->timeout;
    auto op = reduceOp(toString(call.e, call[4], "reduction")).op_;
    auto [output, input] = flat(held);
    auto parts = at::empty_like(input);
    work = exchangeInto(backend, parts, input, options);
    after = [output = output, parts, op, size = entry->size] { reduceParts(output, parts.view({size, -1}), op); };
  } else if (name == "reduceScatter" && held.size() == 2) {
    c10d::ReduceScatterOptions options;
    options.timeout = entry->timeout;
    options.reduceOp = reduceOp(toString(call.e, call[4], "reduction"));
    auto [output, input] = flat(held);
    work = scatterInto(backend, output, input, options);
  } else {
    throw BadArgument("there is no collective " + name);
  }
  return entry->runner->run(call.e.env, [entry, work, held, after] {
    work->wait();
    if (after) after();
    return Outcome{};
  });
}

}  // namespace
}  // namespace rediff
