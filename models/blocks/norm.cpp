#include "models/blocks/norm.h"

#include "frontends/dsl/sugar.h"

namespace llc::models {
using namespace dsl;

Tensor normalize(Tensor x, const std::string &name, const Norm &norm) {
  Scope scope(name);
  Tensor weight = parameter("weight", {x.size(-1)});
  if (norm.kind == Norm::rms) return rms_norm(x, weight, {.eps = norm.epsilon, .offset = norm.offset});
  return layer_norm(x, {.w = weight, .b = parameter("bias", {x.size(-1)}), .eps = norm.epsilon});
}

}  // namespace llc::models
