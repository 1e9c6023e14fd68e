#include "runtime/train/stop_signal.h"

#include <atomic>

namespace llc::train {

namespace {
std::atomic<bool> stopAsked = false;
static_assert(std::atomic<bool>::is_always_lock_free);  // for the handler
}  // namespace

StopSignal::StopSignal() {
  stopAsked = false;
  struct sigaction action = {};
  action.sa_handler = [](int) { stopAsked = true; };
  action.sa_flags = SA_RESETHAND | SA_RESTART;
  sigaction(SIGINT, &action, &interrupt_);
  sigaction(SIGTERM, &action, &terminate_);
}

StopSignal::~StopSignal() {
  sigaction(SIGINT, &interrupt_, nullptr);
  sigaction(SIGTERM, &terminate_, nullptr);
}

bool StopSignal::asked() { return stopAsked; }

}  // namespace llc::train
