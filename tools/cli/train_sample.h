// Text from a model in the middle of its training.
#pragma once
#include "runtime/train/run.h"

namespace llc::cli {

// Writes the weights as they are into a folder of the run's that is removed again, and generates from there.
Result<std::string> sampleText(const train::SampleRequest &request, int64_t threads);

}  // namespace llc::cli
