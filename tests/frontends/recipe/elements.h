// How many numbers the weights of a model are.
#pragma once
#include <functional>
#include <numeric>
#include <vector>

#include "runtime/formats/initial_tensor.h"

namespace llc::recipe {

inline int64_t elementsOf(const std::vector<InitialTensor> &tensors) {
  int64_t count = 0;
  for (const InitialTensor &tensor : tensors)
    count += std::accumulate(tensor.shape.begin(), tensor.shape.end(), int64_t(1), std::multiplies<>());
  return count;
}

}  // namespace llc::recipe
