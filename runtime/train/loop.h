// The loop: steps over the data, with evaluation, logs, checkpoints and the reasons to stop. Whatever it needs to go on
// later is in its checkpoints: a run that was killed at any moment, and resumed, gives the numbers that it would have
// given.
#pragma once
#include <functional>

#include "runtime/data/stream.h"
#include "runtime/train/checkpoint_store.h"
#include "runtime/train/metrics.h"
#include "runtime/train/schedule.h"
#include "runtime/train/trainer_state.h"
#include "runtime/train/training_program.h"

namespace llc::train {

struct LoopOptions {
  Schedule schedule;            // its totalSteps is how long the loop runs
  int64_t accumulation = 1;     // micro-batches of a step
  int64_t vocabulary = 0;       // of the model
  int64_t logInterval = 10;     // steps between two records
  int64_t saveInterval = 1000;  // between two checkpoints; 0: only at the end
  int64_t evaluationInterval = 500;
  int64_t evaluationBatches = 0;  // at most so many of the validation data; 0: all
  int64_t patience = 0;           // evaluations without improvement before it stops; 0: never stops
  double threshold = 1e-4;        // what the loss must fall by to count as improvement
  bool saveBest = true;           // a checkpoint for each new lowest loss of an evaluation
  int64_t maxBadSteps = 10;       // in a row, whose loss or gradient is not finite
  bool perplexity = true;         // the loss is one of tokens: its exponential is reported, too
  double peakFlops = 0;           // of the machine, for the share that is used; 0: unknown
};

// What the loop works on. All references must outlive it.
struct LoopParts {
  StepProgram &program;
  data::TokenStream &stream;
  CheckpointStore &checkpoints;
  // The validation data from its beginning; null: no evaluation.
  std::function<Result<data::TokenStream>()> validation = nullptr;
  std::map<std::string, std::string> files = {};  // see CheckpointContent
  std::span<const TensorState> frozen = {};       // see CheckpointContent
  nlohmann::json origin = nlohmann::json::object();
  std::vector<RecordSink *> sinks = {};  // get every record, in order
  // After each step.
  std::function<void(const TrainerState &, const StepResult &)> onStep = nullptr;
  // Asked after each step whether the run is to end, with a last checkpoint.
  std::function<bool()> enough = nullptr;
  // After each evaluation: a text from the model as it is now. Must leave the program as it was.
  std::function<Result<std::string>(int64_t step)> sample = nullptr;
};

enum class StopReason { finished, interrupted, noImprovement, alert };
std::string_view stopReasonName(StopReason reason);  // "finished", "interrupted", "no improvement", "alert"

struct LoopOutcome {
  TrainerState state;
  StopReason reason = StopReason::finished;
  std::string checkpoint;  // the last one
};

// Goes on from `state`, for which program and stream have been restored (TrainerState{}: from the beginning). Errors:
// of data, program and sinks; invalidInput (the loss stays not finite: names the last checkpoint); the disk's, if the
// last checkpoint can't be written. One that can't be written on the way is a warning.
Result<LoopOutcome> train(const LoopParts &parts, const LoopOptions &options, TrainerState state);

}  // namespace llc::train
