// What the loop remembers from step to step, beside weights, optimizer state and the position in the data: everything
// that a run which goes on needs to be the run that never stopped.
#pragma once
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "runtime/base/status.h"

namespace llc::train {

struct TrainerState {
  int64_t step = 0;                      // steps that are done
  int64_t updates = 0;                   // of these, those that changed the weights
  int64_t totalSteps = 0;                // that the schedule was made for
  int64_t tokens = 0;                    // seen so far, padding not counted
  int64_t badSteps = 0;                  // whose loss or gradient was not finite
  int64_t badInARow = 0;                 // of these, the latest ones without a good one after them
  double seconds = 0;                    // of training, in all runs together
  uint64_t seed = 0;                     // of everything random; every draw is a function of it, the step and the place
  std::optional<double> evaluationLoss;  // the latest
  int64_t evaluationStep = 0;            // when
  std::optional<double> bestLoss;        // the lowest one of an evaluation
  int64_t bestStep = 0;
  double reference = 0;    // the loss that counts as the last improvement; with bestLoss only
  int64_t unimproved = 0;  // evaluations since then
  // What the next line of the log is the mean of.
  struct Interval {
    int64_t steps = 0, tokens = 0;
    double loss = 0, gradientNorm = 0, maxGradientNorm = 0;  // sums, and the largest; of good steps
    double seconds = 0;
    std::map<std::string, double> metrics = {};  // sums, by name
    bool operator==(const Interval &) const = default;
  } interval;
  bool operator==(const TrainerState &) const = default;
};

// Numbers keep all their bits.
nlohmann::json toJson(const TrainerState &state);
// `where` names the file, which nobody vouches for. Errors: invalidInput; unsupported (a newer version).
Result<TrainerState> parseTrainerState(std::string_view text, const std::string &where);

}  // namespace llc::train
