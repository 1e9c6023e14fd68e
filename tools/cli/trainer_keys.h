// What of a configuration is part of a compiled trainer, and what its runs may change.
#pragma once
#include "runtime/train/trainer_plan.h"
#include "tools/cli/train_options.h"

namespace llc::cli {

// The keys that a trainer knows, with the flags of training for them. `fixesSeed`: something that was made by the seed
// is part of it.
std::vector<train::TrainerPlan::Key> trainerKeys(const TrainConfig &config, const TrainVerb &verb, bool fixesSeed);

}  // namespace llc::cli
