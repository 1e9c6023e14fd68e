// Runs a compiled training program once.
#pragma once
#include <vector>

#include "tools/cli/tracing.h"
#include "tools/cli/training_batch.h"

namespace llc::cli {

inline constexpr const char *trainingEntry = "loss_and_gradients";  // of traceTraining's module

// Compiles the module of traceTraining just in time, and gives the results of loss_and_gradients on the batch in order:
// the loss, then the gradients.
Result<std::vector<std::vector<float>>> runCompiledTraining(TracedModel &traced, const TrainingBatch &batch,
                                                            int64_t threads, Progress &progress);

}  // namespace llc::cli
