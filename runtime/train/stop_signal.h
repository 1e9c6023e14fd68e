// SIGINT and SIGTERM as a wish that the loop sees between two steps. A second one ends the process at once.
#pragma once
#include <csignal>

namespace llc::train {

// One at a time; the signals' former actions come back with its end.
class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal &) = delete;
  StopSignal &operator=(const StopSignal &) = delete;
  static bool asked();

 private:
  struct sigaction interrupt_, terminate_;
};

}  // namespace llc::train
