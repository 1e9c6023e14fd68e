// Logits by the program that trains: the forward of a training step over whole rows, no caches.
#pragma once
#include "tools/cli/tracing.h"
#include "tools/cli/training_batch.h"

namespace llc::cli {

// [rows * width, vocabulary], zeros at padding, in f32. Compiles just in time.
Result<std::vector<float>> trainingLogits(TracedModel &traced, const TrainingBatch &batch, int64_t threads,
                                          Progress &progress);

}  // namespace llc::cli
