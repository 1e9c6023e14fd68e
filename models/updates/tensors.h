// Sums over whole tensors, [1] each.
#pragma once
#include "frontends/dsl/dsl.h"

namespace llc::models {

dsl::Tensor sumOfSquares(dsl::Tensor x);
// sqrt(mean(x^2))
dsl::Tensor rootMeanSquare(dsl::Tensor x);
int64_t elements(const dsl::Shape &shape);

}  // namespace llc::models
