// From a model directory to a program that trains it.
#pragma once
#include <map>
#include <memory>

#include "models/objectives/trainer.h"
#include "models/updates/update.h"
#include "runtime/train/compiled_step.h"
#include "tools/cli/tracing.h"

namespace llc::cli {

struct StepOptions {
  int64_t rows = 1, length = 2;  // of a micro-batch
  std::string optimizer = "adamw";
  std::map<std::string, double> optimizerSettings = {};  // over its own
  double maxGradNorm = 1;                                // 0: no clipping
  std::string earlyUpdates = "auto";  // when weights move: auto, always (when their gradients are complete) or never
  double weightDecay = 0;
  double layerDecay = 1;               // of the learning rate from each layer to the one below it; 1: none
  std::string optimizerState = "f32";  // or 8bit; NAME_8bit as the optimizer means the same
  double emaDecay = 0;                 // of averages of the weights over the steps; 0: none
  train::ModelWeights model = train::ModelWeights::averages;
  bool accumulate = false;                                    // steps may take several micro-batches
  std::string gradientCheckpointing = "everything_saveable";  // see gradient_checkpointing.h
  // Of what products of matrices read: f32, bf16, f16 (with loss scaling) or fp8; all else is f32.
  std::string precision = "f32";
  std::string weightType = "f32";  // of matrices that are trained: f32 or bf16
  bool stochasticRounding = true;  // of these in bf16
  uint64_t seed = 0;               // of random numbers in the step
  dsl::DropoutRates dropout = {};  // of the model; an adapter has its own
  int64_t threads = 0;             // 0: what the process may use
  std::vector<models::ParameterGroup> groups = {};
  std::vector<std::string> frozen = {};  // patterns of weights that stay as they are
  std::string adapter = "";              // directory of one that is trained instead of the model; empty: none
  std::string trainer = "causal_lm";
  models::TrainerSettings trainerSettings = {};  // over its own
  std::string teacher = "";                      // a model, for trainers that have one
  int64_t sampleLength = 0;  // tokens of a text that it can go on with, if rows are as long; 0: none
};

// The program in phase differentiated, before anything is compiled: entries loss and train_step, or loss, loss_weight,
// accumulate and apply.
Result<TracedModel> traceTrainingStep(const std::string &modelDirectory, const StepOptions &options,
                                      Progress &progress);

// What the parameters of the compiled step are prepared from: the checkpoints of the model and of its teacher, and
// zeros for what the optimizer remembers. `traced` must outlive it.
compiler::TensorSource trainingTensors(const TracedModel &traced, const Manifest &manifest, Progress &progress);
// What a weight is called in its checkpoint, where that is not the program's name for it.
std::map<std::string, std::string> checkpointNames(const TracedModel &traced, const Manifest &manifest);

// Compiles just in time and loads the weights. Errors: what the model directory, the options or memory do not allow.
Result<std::unique_ptr<train::StepProgram>> makeTrainingStep(const std::string &modelDirectory,
                                                             const StepOptions &options, Progress &progress);

}  // namespace llc::cli
