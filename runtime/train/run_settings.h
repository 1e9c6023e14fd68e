// What the keys of a configuration mean for the loop and for its checkpoints.
#pragma once
#include "runtime/train/checkpoint_store.h"
#include "runtime/train/loop.h"
#include "runtime/train/run.h"
#include "runtime/train/training_data.h"

namespace llc::train {

// Keys of a run that ask for what is not there yet. Error: the first of them.
Status refuseUnavailable(const RunConfig &config);

KeepRules keepRulesOf(const RunConfig &config);
Rotation rotationOf(const RunConfig &config);
CheckpointLayout layoutOf(const RunConfig &config, const AdapterRun *adapter);  // null: a model is trained

// Error: an unknown schedule. Vocabulary and the machine's peak are left to the caller.
Result<LoopOptions> loopOptionsOf(const RunConfig &config, const TrainerTraits &trainer, const TrainingData &data);

// For every checkpoint: the files of the model in directory `model`, with the type that weights have in `state`, or the
// adapter's.
Result<std::map<std::string, std::string>> checkpointFiles(const RunConfig &config, const RunStart &start,
                                                           const std::string &model,
                                                           std::span<const TensorState> state);

}  // namespace llc::train
