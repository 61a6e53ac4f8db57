// What a runner does: see runner.h.
#pragma once

#include <c10/util/Exception.h>

#include <stdexcept>

#include "runner.h"

namespace rediff {

inline std::shared_ptr<Runner> Runner::start(napi_env env) {
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

inline void Runner::environmentEnds(void* data) {
  auto* runner = static_cast<Runner*>(data);
  std::lock_guard<std::mutex> lock(runner->mutex_);
  runner->ended_ = true;
  runner->due_.notify_one();
}

/** On JavaScript's thread, once the runner's thread has let go of the function, or Node ends. */
inline void Runner::settlesNoMore(napi_env env, void* data, void*) {
  std::unique_ptr<std::shared_ptr<Runner>> held(static_cast<std::shared_ptr<Runner>*>(data));
  Runner& runner = **held;
  bool ended;
  {
    std::lock_guard<std::mutex> lock(runner.mutex_);
    ended = runner.ended_;
  }
  if (!ended) napi_remove_env_cleanup_hook(env, environmentEnds, &runner);
}

inline void Runner::finish() {
  std::lock_guard<std::mutex> lock(mutex_);
  finished_ = true;
  due_.notify_one();
}

inline void Runner::abandon(napi_env env) {
  if (waiting_ > 0 && !abandoned_) napi_unref_threadsafe_function(env, settle_);
  abandoned_ = true;
}

inline napi_value Runner::run(napi_env env, std::function<Outcome()> work) {
  napi_value promise;
  auto* job = new Job{std::move(work), nullptr, {}, shared_from_this()};
  if (napi_create_promise(env, &job->deferred, &promise) != napi_ok) {
    delete job;
    throw PendingException();
  }
  if (waiting_++ == 0 && !abandoned_) napi_ref_threadsafe_function(env, settle_);
  std::lock_guard<std::mutex> lock(mutex_);
  jobs_.push_back(job);
  due_.notify_one();
  return promise;
}

inline void Runner::loop() {
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

inline void Runner::settle(napi_env env, napi_value, void*, void* data) {
  std::unique_ptr<Job> job(static_cast<Job*>(data));
  if (env == nullptr) return;
  if (--job->runner->waiting_ == 0 && !job->runner->abandoned_)
    napi_unref_threadsafe_function(env, job->runner->settle_);
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

}  // namespace rediff
