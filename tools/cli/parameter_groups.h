// training.parameter_groups of a configuration.
#pragma once
#include "models/updates/update.h"
#include "tools/cli/train_options.h"

namespace llc::cli {

// {PATTERN: {lr, weight_decay}}, in order; lr is the peak of the same schedule. Errors: anything else in there.
Result<std::vector<models::ParameterGroup>> parameterGroups(const TrainConfig &config);

}  // namespace llc::cli
