// The column "reference": what a loss compares with, by the weights before the first step.
#pragma once
#include "runtime/train/training_data.h"
#include "runtime/train/training_program.h"

namespace llc::train {

// Adds the column to every source of `data`: read from `folder` if it has been computed for this dataset, model and
// shape of batches, otherwise computed by `program`, whose weights must still be those of `weights` (directories or
// files), and written there. So a run that goes on compares with the same numbers.
Status addReference(TrainingData &data, StepProgram &program, const std::vector<std::string> &weights,
                    const std::string &folder, Progress &progress);

}  // namespace llc::train
