// Time that passes: never set back, unlike the time of day.
#pragma once
#include <chrono>

namespace llc {

using Clock = std::chrono::steady_clock;
inline double secondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

}  // namespace llc
