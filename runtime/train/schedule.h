// Learning rate as a function of the steps that are done: warming up, then one of the usual shapes.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "runtime/base/status.h"

namespace llc::train {

struct Schedule {
  enum class Kind {
    none,        // the peak from the first step on; no warming up
    constant,    // the peak
    linear,      // a straight line to the end
    cosine,      // half a cosine to the end (Loshchilov & Hutter 2017, without restarts)
    wsd,         // the peak, then a straight line to the end in the last `decayShare` of all steps (Hu et al. 2024)
    polynomial,  // (1 - t)^power to the end
    multistage,  // the peak, then the ratio of each stage from its beginning on (DeepSeek-AI 2024)
  };
  Kind kind = Kind::cosine;
  double peak = 1e-4;
  double endRatio = 0.1;  // the learning rate at the end is peak * endRatio
  int64_t warmupSteps = 0, totalSteps = 1;
  double power = 1;         // polynomial
  double decayShare = 0.1;  // wsd
  // From this share of all steps on the learning rate is peak * ratio; in the order of their shares. multistage.
  struct Stage {
    double share, ratio;
  };
  std::vector<Stage> stages = {{0.8, 0.316}, {0.9, 0.1}};

  // Of the update after `done` others (the first: done 0). Warming up is a straight line from 1e-8 (or the peak, if
  // that is lower) at 0 to the peak at warmupSteps; the end is reached at totalSteps and stays. The values are those of
  // optax's linear_schedule, warmup_cosine_decay_schedule and polynomial_schedule.
  double rateAfter(int64_t done) const;
};

// "none", "constant", "linear", "cosine", "wsd", "polynomial", "multistage".
const std::vector<std::string> &scheduleNames();
Result<Schedule::Kind> scheduleNamed(const std::string &name);

// Errors (invalidInput): numbers that make no schedule.
Status check(const Schedule &schedule);

}  // namespace llc::train
