// A thread that waits so that JavaScript's need not: every store and every process group has one. Jobs run in the order
// in which they were given; each settles a promise. It ends with the store or the group that it is for.
#pragma once

#include <node_api.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace rediff {

/** What a job came to: made on the runner's thread, read on JavaScript's. */
struct Outcome {
  std::string error;                             // empty: it went well
  std::function<napi_value(napi_env)> toValue;  // undefined where there is none
};

class Runner : public std::enable_shared_from_this<Runner> {
 public:
  /** To be called on JavaScript's thread, which every promise settles on. */
  static std::shared_ptr<Runner> start(napi_env env);

  /** The promise of what `job` comes to. It keeps Node alive until it settles. */
  napi_value run(napi_env env, std::function<Outcome()> job);

  /** No more jobs will come: the thread ends after the last. On any thread. */
  void finish();

  /** What is under way may never end: Node no longer waits for it. JavaScript's thread only. */
  void abandon(napi_env env);

 private:
  struct Job {
    std::function<Outcome()> work;
    napi_deferred deferred;
    Outcome outcome;
    std::shared_ptr<Runner> runner;
  };

  void loop();
  static void settle(napi_env env, napi_value, void*, void* data);
  static void environmentEnds(void* runner);
  static void settlesNoMore(napi_env env, void* runner, void*);

  std::mutex mutex_;
  std::condition_variable due_;
  std::deque<Job*> jobs_;
  bool ended_ = false;     // JavaScript is gone: nothing settles any more
  bool finished_ = false;  // see finish()
  napi_threadsafe_function settle_ = nullptr;
  int waiting_ = 0;         // promises that are not settled; JavaScript's thread only
  bool abandoned_ = false;  // see abandon(); JavaScript's thread only
};

}  // namespace rediff
