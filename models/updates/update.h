// One step of an optimizer over all weights: clipping by the global norm, the optimizer's direction, decoupled weight
// decay (Loshchilov and Hutter 2019); and nothing at all where the loss or the norm is not finite.
#pragma once
#include "frontends/dsl/training.h"
#include "models/updates/optimizer.h"

namespace llc::models {

struct UpdateOptions {
  std::string optimizer = "adamw";
  OptimizerSettings settings;  // over the optimizer's own
  double weightDecay = 0;
  bool decayVectors = false;        // biases and norms decay, too
  double maxGradientNorm = 0;       // 0: no clipping
  std::vector<std::string> frozen;  // patterns ('*' stands for anything) of weights that stay as they are
};

// Errors: no optimizer of that name, a setting that it does not have or out of range; a pattern that fits no weight;
// all weights frozen.
Result<dsl::UpdateRule> updateRule(const UpdateOptions &options, const std::vector<dsl::NamedShape> &weights);

}  // namespace llc::models
