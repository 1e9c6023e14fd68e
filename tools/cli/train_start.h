// From options and configuration to what a run begins with, and to what its program is compiled from.
#pragma once
#include "runtime/train/initial_model.h"
#include "runtime/train/run.h"
#include "tools/cli/train_options.h"
#include "tools/cli/training_step.h"

namespace llc::cli {

train::TrainerTraits traitsOf(const models::Trainer &trainer, const models::TrainerSettings &settings);

// Model and tokenizer; no adapter. The vocabulary of a model that the run makes, and its special ids, become the
// tokenizer's (`config` changes). Errors: what can't be trained, before anything is made.
Result<train::RunStart> findRunStart(TrainConfig &config, const TrainFlags &flags, const TrainVerb &verb,
                                     Progress &progress);
// pretrain: the model that `start` describes.
train::InitialModel initialModelOf(const TrainConfig &config, const train::RunStart &start);

// What a step leaves out at random, adapters apart.
dsl::DropoutRates dropoutOf(const TrainConfig &config);

// The value that --gradient-checkpointing would have.
std::string gradientCheckpointingOf(const TrainConfig &config);

// Rows, length and adapter are left to the caller. Errors: settings of the wrong type.
Result<StepOptions> stepOptionsOf(const TrainConfig &config, const TrainFlags &flags);

}  // namespace llc::cli
