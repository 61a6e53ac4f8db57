// c10d for JavaScript: TCP stores, process groups and their collectives. Nothing here blocks JavaScript's thread: what
// waits does so on a runner's thread and settles a promise.
#include "env.h"

#if __has_include(<torch/csrc/distributed/c10d/TCPStore.hpp>)
#define USE_C10D_GLOO
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <c10/util/Logging.h>
#include <dlfcn.h>

#include <cstdlib>
#include <mutex>

#include "distributed/runner.h"

namespace rediff {

std::shared_ptr<Runner> Runner::start(napi_env env) {
  auto runner = std::make_shared<Runner>();
  napi_value name;
  napi_create_string_utf8(env, "rediff distributed", NAPI_AUTO_LENGTH, &name);
  // The function holds the runner, until nothing settles any more.
  auto* held = new std::shared_ptr<Runner>(runner);
  if (napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, held, settlesNoMore, nullptr, settle,
                                      &runner->settle_) != napi_ok) {
    delete held;
    throw std::runtime_error("no thread can be started");
  }
  napi_unref_threadsafe_function(env, runner->settle_);
  napi_add_env_cleanup_hook(env, environmentEnds, runner.get());
  // The thread holds its runner too: whoever forgets the store or the group while something is under way waits for
  // nothing, and a process that ends does not wait for a peer.
  std::thread([runner] { runner->loop(); }).detach();
  return runner;
}

void Runner::environmentEnds(void* data) {
  auto* runner = static_cast<Runner*>(data);
  std::lock_guard<std::mutex> lock(runner->mutex_);
  runner->ended_ = true;
  runner->due_.notify_one();
}

/** On JavaScript's thread, once the runner's thread has let go of the function, or Node ends. */
void Runner::settlesNoMore(napi_env env, void* data, void*) {
  std::unique_ptr<std::shared_ptr<Runner>> held(static_cast<std::shared_ptr<Runner>*>(data));
  Runner& runner = **held;
  bool ended;
  {
    std::lock_guard<std::mutex> lock(runner.mutex_);
    ended = runner.ended_;
  }
  if (!ended) napi_remove_env_cleanup_hook(env, environmentEnds, &runner);
}

void Runner::finish() {
  std::lock_guard<std::mutex> lock(mutex_);
  finished_ = true;
  due_.notify_one();
}

napi_value Runner::run(napi_env env, std::function<Outcome()> work) {
  napi_value promise;
  auto* job = new Job{std::move(work), nullptr, {}, shared_from_this()};
  if (napi_create_promise(env, &job->deferred, &promise) != napi_ok) {
    delete job;
    throw PendingException();
  }
  if (waiting_++ == 0) napi_ref_threadsafe_function(env, settle_);
  std::lock_guard<std::mutex> lock(mutex_);
  jobs_.push_back(job);
  due_.notify_one();
  return promise;
}

void Runner::loop() {
  for (;;) {
    Job* job;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      due_.wait(lock, [this] { return ended_ || finished_ || !jobs_.empty(); });
      if (ended_) return;
      if (jobs_.empty()) {
        napi_release_threadsafe_function(settle_, napi_tsfn_release);  // after what is still to settle
        return;
      }
      job = jobs_.front();
      jobs_.pop_front();
    }
    try {
      job->outcome = job->work();
    } catch (const c10::Error& error) {
      job->outcome.error = error.what_without_backtrace();
    } catch (const std::exception& error) {
      job->outcome.error = error.what();
    } catch (...) {
      job->outcome.error = "unknown C++ exception";
    }
    job->work = nullptr;
    std::lock_guard<std::mutex> lock(mutex_);
    if (ended_ || napi_call_threadsafe_function(settle_, job, napi_tsfn_blocking) != napi_ok) return;
  }
}

void Runner::settle(napi_env env, napi_value, void*, void* data) {
  std::unique_ptr<Job> job(static_cast<Job*>(data));
  if (env == nullptr) return;
  if (--job->runner->waiting_ == 0) napi_unref_threadsafe_function(env, job->runner->settle_);
  napi_value value = nullptr;
  if (job->outcome.error.empty()) {
    if (job->outcome.toValue)
      value = job->outcome.toValue(env);
    else
      napi_get_undefined(env, &value);
    napi_resolve_deferred(env, job->deferred, value);
    return;
  }
  napi_value message;
  napi_create_string_utf8(env, job->outcome.error.c_str(), job->outcome.error.size(), &message);
  napi_create_error(env, nullptr, message, &value);
  napi_reject_deferred(env, job->deferred, value);
}

namespace {

using Bytes = std::vector<uint8_t>;
using std::chrono::milliseconds;

/** The thread of a store or a group: it ends when the table and the jobs have let go of them. */
class OwnRunner {
 public:
  OwnRunner() = default;
  OwnRunner(const OwnRunner&) = delete;
  OwnRunner& operator=(const OwnRunner&) = delete;
  ~OwnRunner() {
    if (runner_) runner_->finish();
  }
  void start(napi_env env) { runner_ = Runner::start(env); }
  Runner* operator->() const { return runner_.get(); }

 private:
  std::shared_ptr<Runner> runner_;
};

struct StoreEntry {
  OwnRunner runner;
  std::string host;
  c10d::TCPStoreOptions options;
  std::string prefix;
  // Set by the first job of the runner, used by its later ones, and by groups once it is connected.
  c10::intrusive_ptr<c10d::TCPStore> tcp;
  c10::intrusive_ptr<c10d::Store> store;
};

struct GroupEntry {
  OwnRunner runner;
  c10::intrusive_ptr<c10d::Backend> backend;
  int rank = 0;
  int size = 1;
  milliseconds timeout{0};
  /** Gloo makes an all-reduce of a reduce-scatter, which sends twice as much: see scatterByExchange. */
  bool isGloo = false;
};

/** By number, of all threads. */
template <typename Entry>
class Table {
 public:
  int64_t add(std::shared_ptr<Entry> entry) {
    std::lock_guard<std::mutex> lock(mutex_);
    entries_[++last_] = std::move(entry);
    return last_;
  }
  std::shared_ptr<Entry> get(int64_t id, const char* what) {
    std::lock_guard<std::mutex> lock(mutex_);
    auto found = entries_.find(id);
    if (found == entries_.end()) throw BadArgument(std::string(what) + " was closed");
    return found->second;
  }
  std::shared_ptr<Entry> remove(int64_t id) {
    std::lock_guard<std::mutex> lock(mutex_);
    auto found = entries_.find(id);
    if (found == entries_.end()) return nullptr;
    auto entry = found->second;
    entries_.erase(found);
    return entry;
  }

 private:
  std::mutex mutex_;
  int64_t last_ = 0;
  std::unordered_map<int64_t, std::shared_ptr<Entry>> entries_;
};

Table<StoreEntry>& stores() {
  static auto* table = new Table<StoreEntry>();  // never destroyed: runners may outlive main()
  return *table;
}

Table<GroupEntry>& groups() {
  static auto* table = new Table<GroupEntry>();
  return *table;
}

napi_value bytesToText(napi_env env, const Bytes& bytes) {
  napi_value text;
  napi_create_string_utf8(env, reinterpret_cast<const char*>(bytes.data()), bytes.size(), &text);
  return text;
}

Bytes textToBytes(const std::string& text) {
  return Bytes(text.begin(), text.end());
}

template <typename Make>
Outcome valueOf(Make&& make) {
  Outcome outcome;
  outcome.toValue = std::forward<Make>(make);
  return outcome;
}

Outcome integer(int64_t value) {
  return valueOf([value](napi_env env) {
    napi_value number;
    napi_create_int64(env, value, &number);
    return number;
  });
}

Outcome text(Bytes value) {
  return valueOf([value = std::move(value)](napi_env env) { return bytesToText(env, value); });
}

/** What c10d logs of a peer that is gone, promises say too, with its rank and the collective. Whoever looks for what lies
 *  behind it sets TORCH_CPP_LOG_LEVEL, which only Python's torch reads by itself. */
void quietLogs() {
  static std::once_flag once;
  std::call_once(once, [] {
    if (std::getenv("TORCH_CPP_LOG_LEVEL") != nullptr)
      c10::initLogging();
    else
      FLAGS_caffe2_log_level = c10::GLOG_ERROR;
  });
}

/** makeStore(host, port, isServer, timeoutMs, prefix): its number, at once; storeConnect connects it. */
napi_value makeStore(Call& call) {
  quietLogs();
  auto entry = std::make_shared<StoreEntry>();
  entry->host = toString(call.e, call[0], "host");
  entry->options.port = static_cast<uint16_t>(toInt(call.e, call[1], "port"));
  entry->options.isServer = toBool(call.e, call[2], "isServer");
  entry->options.timeout = milliseconds(toInt(call.e, call[3], "timeoutMs"));
  entry->options.waitWorkers = false;
  entry->prefix = toString(call.e, call[4], "prefix");
  entry->runner.start(call.e.env);
  return fromInt(call.e, stores().add(entry));
}

std::shared_ptr<StoreEntry> storeAt(Call& call) {
  return stores().get(toInt(call.e, call[0], "store"), "the store");
}

/** A job of a store that is connected. */
template <typename Job>
napi_value withStore(Call& call, Job&& job) {
  auto entry = storeAt(call);
  return entry->runner->run(call.e.env, [entry, job = std::forward<Job>(job)]() -> Outcome {
    if (!entry->store) throw std::runtime_error("the store is not connected");
    return job(*entry->store);
  });
}

/** The port that it is at: the one that the system chose, where 0 was asked for. */
napi_value storeConnect(Call& call) {
  auto entry = storeAt(call);
  return entry->runner->run(call.e.env, [entry] {
    entry->tcp = c10::make_intrusive<c10d::TCPStore>(entry->host, entry->options);
    entry->store = entry->tcp;
    if (!entry->prefix.empty()) entry->store = c10::make_intrusive<c10d::PrefixStore>(entry->prefix, entry->tcp);
    return integer(entry->tcp->getPort());
  });
}

napi_value storeSet(Call& call) {
  auto key = toString(call.e, call[1], "key");
  auto value = textToBytes(toString(call.e, call[2], "value"));
  return withStore(call, [key, value](c10d::Store& store) {
    store.set(key, value);
    return Outcome{};
  });
}

/** storeGet(store, key, timeoutMs): waits for the key. */
napi_value storeGet(Call& call) {
  auto key = toString(call.e, call[1], "key");
  milliseconds timeout(toInt(call.e, call[2], "timeoutMs"));
  return withStore(call, [key, timeout](c10d::Store& store) {
    store.wait({key}, timeout);
    return text(store.get(key));
  });
}

napi_value storeAdd(Call& call) {
  auto key = toString(call.e, call[1], "key");
  int64_t amount = toInt(call.e, call[2], "amount");
  return withStore(call, [key, amount](c10d::Store& store) { return integer(store.add(key, amount)); });
}

napi_value storeHas(Call& call) {
  auto key = toString(call.e, call[1], "key");
  return withStore(call, [key](c10d::Store& store) { return integer(store.check({key}) ? 1 : 0); });
}

napi_value storeCompareSet(Call& call) {
  auto key = toString(call.e, call[1], "key");
  auto expected = textToBytes(toString(call.e, call[2], "expected"));
  auto desired = textToBytes(toString(call.e, call[3], "desired"));
  return withStore(call,
                   [=](c10d::Store& store) { return text(store.compareSet(key, expected, desired)); });
}

napi_value storeDelete(Call& call) {
  auto key = toString(call.e, call[1], "key");
  return withStore(call, [key](c10d::Store& store) { return integer(store.deleteKey(key) ? 1 : 0); });
}

napi_value storeClose(Call& call) {
  auto entry = stores().remove(toInt(call.e, call[0], "store"));
  if (entry == nullptr) throw BadArgument("the store was closed");
  return entry->runner->run(call.e.env, [entry] {
    entry->store.reset();
    entry->tcp.reset();
    return Outcome{};
  });
}

using MakeNccl = c10d::Backend* (*)(const c10::intrusive_ptr<c10d::Store>&, int, int, milliseconds, const char*);

c10::intrusive_ptr<c10d::Backend> makeBackend(const std::string& kind, const c10::intrusive_ptr<c10d::Store>& store,
                                              const GroupEntry& group, const std::string& place) {
  if (kind == "nccl") {
    // A library of its own, linked to libtorch_cuda (native/nccl): `place` is its path.
    void* library = dlopen(place.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) throw std::runtime_error(dlerror());
    auto make = reinterpret_cast<MakeNccl>(dlsym(library, "rediff_make_nccl"));
    if (make == nullptr) throw std::runtime_error(place + " has no rediff_make_nccl");
    return c10::intrusive_ptr<c10d::Backend>::reclaim(make(store, group.rank, group.size, group.timeout, "rediff"));
  }
  auto options = c10d::ProcessGroupGloo::Options::create(group.timeout);
  // "=NAME" is an interface, anything else an address of this host; "" is the one that its name resolves to.
  if (place.empty())
    options->devices.push_back(c10d::ProcessGroupGloo::createDefaultDevice());
  else if (place[0] == '=')
    options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForInterface(place.substr(1)));
  else
    options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForHostname(place));
  options->threads = 2;
  return c10::make_intrusive<c10d::ProcessGroupGloo>(store, group.rank, group.size, options);
}

/** makeGroup(store, backend, rank, size, timeoutMs, name, place): a promise of its number. Waits for all ranks. */
napi_value makeGroup(Call& call) {
  auto store = storeAt(call);
  auto kind = toString(call.e, call[1], "backend");
  auto entry = std::make_shared<GroupEntry>();
  entry->isGloo = kind == "gloo";
  entry->rank = static_cast<int>(toInt(call.e, call[2], "rank"));
  entry->size = static_cast<int>(toInt(call.e, call[3], "size"));
  entry->timeout = milliseconds(toInt(call.e, call[4], "timeoutMs"));
  auto name = toString(call.e, call[5], "name");
  auto place = toString(call.e, call[6], "place");
  entry->runner.start(call.e.env);
  return entry->runner->run(call.e.env, [store, kind, entry, name, place] {
    if (!store->store) throw std::runtime_error("the store is not connected");
    // A connection of its own: that of the store may be busy with a key that somebody waits for.
    auto own = store->store->clone();
    own->setTimeout(entry->timeout);
    auto prefixed = c10::make_intrusive<c10d::PrefixStore>(name, own);
    entry->backend = makeBackend(kind, prefixed, *entry, place);
    return integer(groups().add(entry));
  });
}

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

/** Closes the connections, when what is under way has ended or failed. */
napi_value closeGroup(Call& call) {
  auto entry = groups().remove(toInt(call.e, call[0], "group"));
  if (entry == nullptr) throw BadArgument("the process group was closed");
  return entry->runner->run(call.e.env, [entry] {
    entry->backend.reset();
    return Outcome{};
  });
}

}  // namespace

std::vector<NativeFunction> distributedFunctions() {
  return {
      function<"makeStore", makeStore>(),     function<"storeConnect", storeConnect>(),
      function<"storeSet", storeSet>(),       function<"storeGet", storeGet>(),
      function<"storeAdd", storeAdd>(),       function<"storeHas", storeHas>(),
      function<"storeCompareSet", storeCompareSet>(), function<"storeDelete", storeDelete>(),
      function<"storeClose", storeClose>(),   function<"makeGroup", makeGroup>(),
      function<"collective", collective>(),   function<"closeGroup", closeGroup>(),
  };
}

}  // namespace rediff

#else

namespace rediff {

/** None: this libtorch was built without c10d. src/distributed says so. */
std::vector<NativeFunction> distributedFunctions() {
  return {};
}

}  // namespace rediff
#endif
