// The column "reference": what a loss compares with, by the weights before the first step.
#pragma once
#include "runtime/train/training_program.h"
#include "tools/cli/train_data.h"

namespace llc::cli {

// Adds the column to every source of `data`: read from `folder` if it has been computed for this dataset, model and
// shape of batches, otherwise computed by `program`, whose weights must still be those of `weights` (directories or
// files), and written there. So a run that goes on compares with the same numbers.
Status addReference(TrainingData &data, train::StepProgram &program, const std::vector<std::string> &weights,
                    const std::string &folder, Progress &progress);

}  // namespace llc::cli
