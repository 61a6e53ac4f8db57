// A second Ctrl-C while JavaScript cannot hear the first: it runs between two native calls, of which one may take a
// minute. The handler stands before Node's own, hands the first signal on, and ends the process at the second.
#include <node_api.h>

#ifndef _WIN32
#include <signal.h>
#include <time.h>

namespace {

constexpr int SIGNALS[] = {SIGINT, SIGTERM};
struct sigaction nodes[NSIG];
volatile sig_atomic_t heard = 0;
timespec heardAt;

/** One press of Ctrl-C may come twice: from the terminal, and from a parent that hands it on. */
constexpr double SAME_PRESS_SECONDS = 0.3;

double secondsSince(const timespec& then) {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec - then.tv_sec) + static_cast<double>(now.tv_nsec - then.tv_nsec) * 1e-9;
}

/** Calls nothing that a signal handler may not. */
void onSignal(int number, siginfo_t* info, void* context) {
  if (heard != 0 && secondsSince(heardAt) > SAME_PRESS_SECONDS) {
    signal(number, SIG_DFL);
    raise(number);  // held back until this handler returns
    return;
  }
  if (heard == 0) clock_gettime(CLOCK_MONOTONIC, &heardAt);
  heard = 1;
  const struct sigaction& node = nodes[number];
  if ((node.sa_flags & SA_SIGINFO) != 0)
    node.sa_sigaction(number, info, context);
  else if (node.sa_handler != SIG_DFL && node.sa_handler != SIG_IGN)
    node.sa_handler(number);
}

}  // namespace

/** endAtSecondSignal(): from now on, until Node changes its handlers, a second SIGINT or SIGTERM ends the process. To be
 *  called when Node listens to both: where it does not, nothing is changed. */
napi_value endAtSecondSignal(napi_env, napi_callback_info) {
  heard = 0;
  for (int number : SIGNALS) {
    struct sigaction now;
    if (sigaction(number, nullptr, &now) != 0) continue;
    bool isOurs = (now.sa_flags & SA_SIGINFO) != 0 && now.sa_sigaction == onSignal;
    if (isOurs || now.sa_handler == SIG_DFL || now.sa_handler == SIG_IGN) continue;
    nodes[number] = now;
    struct sigaction ours = now;
    ours.sa_flags |= SA_SIGINFO;
    ours.sa_sigaction = onSignal;
    sigaction(number, &ours, nullptr);
  }
  return nullptr;
}
#else
napi_value endAtSecondSignal(napi_env, napi_callback_info) {
  return nullptr;
}
#endif
