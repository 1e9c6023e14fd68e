// Normalization over the last dimension.
#pragma once
#include <string>

#include "frontends/dsl/dsl.h"

namespace llc::models {

struct Norm {
  enum Kind {
    rms,    // x / sqrt(mean(x^2) + epsilon) * (offset + weight): Zhang and Sennrich 2019
    layer,  // (x - mean) / sqrt(variance + epsilon) * weight + bias: Ba, Kiros and Hinton 2016
  } kind = rms;
  double epsilon = 1e-6;
  double offset = 0;  // 1 where the stored weight is the difference to 1 (Gemma)
};

// Weights: NAME.weight and, for `layer`, NAME.bias, both of x's last size.
dsl::Tensor normalize(dsl::Tensor x, const std::string &name, const Norm &norm);

}  // namespace llc::models
