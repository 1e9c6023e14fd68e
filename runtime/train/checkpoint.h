// A checkpoint: a directory that is a model (config.json, model.safetensors or shards with their index, the tokenizer's
// files: what runs models runs it) or an adapter (adapter_config.json, adapter_model.safetensors), and from which
// training goes on as if it had never stopped:
//
//   optimizer-00001-of-0000N.safetensors   what the optimizer remembers, under the names of TensorState
//   trainer_state.json, data_state.json, rng.json
//   manifest.json                          of all others size and SHA-256; written last
//
// This file writes and reads one such directory; checkpoint_store.h makes them appear whole, keeps and removes them.
#pragma once
#include "runtime/train/checkpoint_manifest.h"
#include "runtime/train/trainer_state.h"
#include "runtime/train/training_program.h"

namespace llc::train {

struct CheckpointContent {
  TrainerState trainer;
  nlohmann::json data;                       // where the data stands: data::toJson(StreamState)
  std::span<const TensorState> tensors;      // StepProgram::state()
  std::span<const TensorState> frozen;       // the weights that no step changes; only read
  std::map<std::string, std::string> files;  // config.json, the tokenizer's, by name
  std::optional<double> evaluationLoss;      // of these weights
  nlohmann::json origin;                     // see CheckpointManifest
};

struct CheckpointLayout {
  uint64_t shardBytes = 5'000'000'000;  // of a file; a tensor that is larger gets a file of its own
  bool saveOptimizer = true;
  std::string weights = "model";                     // stem of the weights' files
  std::map<std::string, std::string> metadata = {};  // of those files
};

// Into a directory that exists and is empty; every file is on the disk when this returns. Errors: resource (disk full).
Status writeCheckpoint(const std::string &directory, const CheckpointContent &content, const CheckpointLayout &layout);

struct ReadCheckpoint {
  std::string directory;
  CheckpointManifest manifest;
  TrainerState trainer;
  nlohmann::json data;
};
// Everything but the tensors, after comparing all files with the manifest. Errors: the first thing that is wrong.
Result<ReadCheckpoint> readCheckpoint(const std::string &directory);
// Copies the checkpoint's tensors over those of a program. Errors (invalidInput): other names, types or shapes; no
// optimizer state.
Status loadTensors(const ReadCheckpoint &checkpoint, std::span<const TensorState> into);
// Copies the weights of a model directory, or of a file, over those of a program, in the program's types, and no other
// state. Errors: as above, but for types.
Status loadWeights(const std::string &place, std::span<const TensorState> into);

}  // namespace llc::train
