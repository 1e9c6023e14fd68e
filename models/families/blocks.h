// Parts of the families that a program may replace by functions of its own: docs/guides/custom-block.md shows how.
#pragma once
#include <functional>

#include "frontends/dsl/dsl.h"

namespace llc::models {

struct DecoderTraits;
struct LayerState;

// What is empty stays as the family has it.
struct Blocks {
  // x[T,hidden], already normalized -> [T,hidden]
  std::function<dsl::Tensor(dsl::Tensor x, const DecoderTraits &, const LayerState &)> attention = {};
  std::function<dsl::Tensor(dsl::Tensor x, const DecoderTraits &)> feedForward = {};
};

}  // namespace llc::models
