// Weights as layers hold them: NAME.weight, and NAME.bias where there is one.
#pragma once
#include <string>

#include "frontends/dsl/dsl.h"

namespace llc::models {

// How a checkpoint stores a projection's matrix.
enum class WeightLayout {
  outputsFirst,  // [outputs, inputs]: torch.nn.Linear
  inputsFirst,   // [inputs, outputs]: GPT-2's Conv1D
};

// x[T,inputs] -> [T,outputs], f32.
dsl::Tensor project(dsl::Tensor x, const std::string &name, int64_t outputs, bool bias,
                    WeightLayout layout = WeightLayout::outputsFirst);

}  // namespace llc::models
