#include "models/blocks/projection.h"

#include "frontends/dsl/sugar.h"

namespace llc::models {
using namespace dsl;

Tensor project(Tensor x, const std::string &name, int64_t outputs, bool bias, WeightLayout layout) {
  Scope scope(name);
  int64_t inputs = x.size(-1);
  bool transposed = layout == WeightLayout::outputsFirst;
  Tensor weight = parameter("weight", transposed ? Shape{outputs, inputs} : Shape{inputs, outputs});
  Tensor y = linear(x, weight, transposed);
  return bias ? y + parameter("bias", {outputs}) : y;
}

}  // namespace llc::models
