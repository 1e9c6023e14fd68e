// A weight before any training: what it is drawn from.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace llc {

struct InitialTensor {
  std::string name;
  std::vector<int64_t> shape;
  double deviation = 0;  // of a normal distribution around 0; 0: all are `constant`
  float constant = 1;
};

}  // namespace llc
