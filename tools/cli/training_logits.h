// Logits over whole rows, without caches.
#pragma once
#include "tools/cli/tracing.h"
#include "tools/cli/training_batch.h"

namespace llc::cli {

// [rows * width, vocabulary] each, zeros at padding. Both compile just in time.
// By the program that trains: the forward of a training step.
Result<std::vector<float>> trainingLogits(TracedModel &traced, const TrainingBatch &batch, int64_t threads,
                                          Progress &progress);

// By a program of the forward alone, by compiled code or by the interpreter: what bidirectional models have instead of
// a program that serves. `activations`: as for what serves.
Result<std::vector<float>> wholeLogits(TracedModel &traced, const TrainingBatch &batch, const std::string &activations,
                                       bool interpreted, int64_t threads, Progress &progress);

}  // namespace llc::cli
