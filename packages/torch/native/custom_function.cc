// Functions whose derivative is written in JavaScript: a node of libtorch's graph that calls back.
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/saved_variable.h>

#include <thread>
#include <type_traits>

#include "env.h"

namespace rediff {
namespace {

using torch::autograd::SavedVariable;
using torch::autograd::variable_list;

/** Nodes were kept by shared_ptr in older versions of libtorch, and keep their own count in newer ones. */
template <typename N>
constexpr bool countsItself = std::is_base_of_v<c10::intrusive_ptr_target, N>;

template <typename N, typename... Arguments>
auto makeNode(Arguments&&... arguments) {
  if constexpr (countsItself<N>)
    return c10::make_intrusive<N>(std::forward<Arguments>(arguments)...);
  else
    return std::shared_ptr<N>(new N(std::forward<Arguments>(arguments)...), [](N* node) { deleteNode(node); });
}

template <typename N>
auto keptNode(N* node) {
  if constexpr (countsItself<N>)
    return c10::intrusive_ptr<N>::unsafe_reclaim_from_nonowning(node);
  else
    return node->shared_from_this();
}

struct JavaScriptNode : public torch::autograd::Node {
  JavaScriptNode(Env& e, std::string name, napi_ref backward)
      : env(&e), released(e.released), thread(std::this_thread::get_id()), label(std::move(name)), backward(backward) {}

  // The graph may die on any thread, and after JavaScript's.
  ~JavaScriptNode() override {
    std::lock_guard<std::mutex> lock(released->mutex);
    if (released->closed) return;
    released->references.push_back(backward);
    released->waiting = true;
  }

  std::string name() const override {
    return label;
  }

  void release_variables() override {
    for (SavedVariable& variable : saved) variable.reset_data();
    isReleased = true;
  }

  variable_list apply(variable_list&& gradients) override {
    TORCH_CHECK(std::this_thread::get_id() == thread,
                "backward of ", label, ": written in JavaScript, it runs in JavaScript's thread, and libtorch differentiates on "
                "this device in another one");
    TORCH_CHECK(!isReleased, "backward of ", label, ": this graph was gone back through already; keep it with retainGraph");
    Env& e = *env;
    napi_handle_scope scope = nullptr;
    check(e, napi_open_handle_scope(e.env, &scope), "backward");
    try {
      variable_list results = call(e, gradients);
      napi_close_handle_scope(e.env, scope);
      return results;
    } catch (...) {
      napi_close_handle_scope(e.env, scope);
      throw;
    }
  }

  variable_list call(Env& e, const variable_list& gradients) {
    // Before anything gets a slot: what was changed meanwhile is refused here.
    variable_list kept;
    for (const SavedVariable& variable : saved) kept.push_back(variable.unpack(keptNode<torch::autograd::Node>(this)));
    napi_value slots[2] = {newArray(e, gradients.size()), newArray(e, kept.size())};
    for (size_t i = 0; i < gradients.size(); i++) {
      at::Tensor gradient = gradients[i].defined() ? gradients[i] : input_metadata(i).zeros_like();
      setElement(e, slots[0], i, fromInt(e, e.put(std::move(gradient))));
    }
    for (size_t i = 0; i < kept.size(); i++) setElement(e, slots[1], i, fromInt(e, e.put(kept[i])));
    napi_value function = nullptr, receiver = nullptr, result = nullptr;
    check(e, napi_get_reference_value(e.env, backward, &function), "backward");
    check(e, napi_get_undefined(e.env, &receiver), "backward");
    if (napi_call_function(e.env, receiver, function, 2, slots, &result) != napi_ok) throw std::runtime_error(thrown(e));
    // Slots that JavaScript has given up, or -1 where there is nothing.
    variable_list results;
    eachElement(e, result, "gradients", [&](napi_value element) {
      int64_t slot = toInt(e, element, "gradient");
      results.push_back(slot < 0 ? at::Tensor() : e.get(slot));
      if (slot >= 0) e.drop(slot);
    });
    return results;
  }

  /** What JavaScript has thrown, as a message of this node. */
  std::string thrown(Env& e) {
    napi_value error = nullptr, message = nullptr;
    std::string text = "JavaScript has thrown";
    if (napi_get_and_clear_last_exception(e.env, &error) == napi_ok &&
        napi_get_named_property(e.env, error, "message", &message) == napi_ok)
      text = toString(e, message, "message");
    else
      napi_get_and_clear_last_exception(e.env, &error);
    return "backward of " + label + ": " + text;
  }

  Env* env;
  std::shared_ptr<ReleaseQueue> released;
  std::thread::id thread;
  std::string label;
  napi_ref backward;
  std::vector<SavedVariable> saved;
  bool isReleased = false;
};

/** recordFunction(name, inputs, outputs, saved, places, backward): the outputs, with a history that `backward` goes back
 *  through. `saved` are tensors for it; `places` has for each the number of the output that it is, or -1. */
napi_value recordFunction(Call& call) {
  Env& e = call.e;
  std::string name = toString(e, call[0], "name");
  std::vector<at::Tensor> inputs = toTensorList(e, call[1], "inputs");
  std::vector<at::Tensor> outputs = toTensorList(e, call[2], "outputs");
  std::vector<at::Tensor> saved = toTensorList(e, call[3], "saved");
  std::vector<int64_t> places = toIntList(e, call[4], "places");
  if (places.size() != saved.size()) throw BadArgument("a place for each saved tensor");
  napi_ref backward = nullptr;
  check(e, napi_create_reference(e.env, call[5], 1, &backward), "backward");

  auto node = makeNode<JavaScriptNode>(e, std::move(name), backward);
  node->set_next_edges(torch::autograd::collect_next_edges(inputs));
  variable_list recorded;
  for (const at::Tensor& output : outputs) {
    at::Tensor own = output.detach();
    torch::autograd::set_history(own, node);
    recorded.push_back(std::move(own));
  }
  for (size_t i = 0; i < saved.size(); i++) {
    bool isOutput = places[i] >= 0;
    if (isOutput && static_cast<size_t>(places[i]) >= recorded.size()) throw BadArgument("there is no such output");
    node->saved.emplace_back(isOutput ? recorded[places[i]] : saved[i], isOutput);
  }
  return fromTensorList(e, recorded);
}

}  // namespace

std::vector<NativeFunction> customFunctions() {
  return {function<"recordFunction", recordFunction>()};
}

}  // namespace rediff
