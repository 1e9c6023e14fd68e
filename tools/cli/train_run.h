// A whole run of training, from options to its last checkpoint.
#pragma once
#include "tools/cli/train_options.h"

namespace llc::cli {

Status runTraining(Context &context, const TrainFlags &flags, const TrainVerb &verb);

}  // namespace llc::cli
