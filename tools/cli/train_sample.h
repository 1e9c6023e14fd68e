// Text from a model in the middle of its training.
#pragma once
#include <map>

#include "runtime/train/training_program.h"

namespace llc::cli {

// Writes the weights as they are into a folder of `directory` that is removed again, and generates from there. `base`:
// the directory of the model whose adapter they are; empty: they are a model.
Result<std::string> sampleText(const train::StepProgram &program, std::span<const train::TensorState> frozen,
                               const std::map<std::string, std::string> &files, const std::string &directory,
                               const std::string &base, const std::string &prompt, int64_t threads);

}  // namespace llc::cli
