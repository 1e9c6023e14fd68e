// Weights as layers hold them: NAME.weight, and NAME.bias where there is one.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "frontends/dsl/adapter.h"

namespace llc::models {

// How a checkpoint stores a projection's matrix.
enum class WeightLayout {
  outputsFirst,  // [outputs, inputs]: torch.nn.Linear
  inputsFirst,   // [inputs, outputs]: GPT-2's Conv1D
};

// x[T,inputs] -> [T,outputs], f32.
dsl::Tensor project(dsl::Tensor x, const std::string &name, int64_t outputs, bool bias,
                    WeightLayout layout = WeightLayout::outputsFirst);

// ---- for adapters, which change what projections compute
struct Product {
  const dsl::Projection &module;
  dsl::Tensor x, weight, y;  // y: x times the weight, before any change and without bias
  dsl::Tensor bias;          // absent: none
};
// What stands for `result` (y, or what an earlier change made of it). Runs within the module's Scope.
using ChangeProduct = std::function<dsl::Tensor(const Product &, dsl::Tensor result)>;
// The model whose projections are changed, after those changes that it has already.
dsl::Model withChangedProducts(const dsl::Model &model, ChangeProduct change);
// The model as it is; tracing it adds each projection to `seen`, as often as it is read.
dsl::Model withObservedProjections(const dsl::Model &model, std::vector<dsl::Projection> &seen);

}  // namespace llc::models
