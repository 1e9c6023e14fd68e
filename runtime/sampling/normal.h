// Normally distributed numbers that are the same on every machine and with every library (std::normal_distribution is
// not).
#pragma once
#include <span>

#include "runtime/sampling/random.h"

namespace llc {

// Box and Muller's pairs (1958). Streams of one seed are independent: one for each tensor, say, so that its values do
// not depend on the sizes of others.
class NormalNumbers {
 public:
  explicit NormalNumbers(uint64_t seed, uint64_t stream = 0) : random_(seed, stream) {}
  // Mean 0. Pieces of even length give the same as the whole.
  void fill(std::span<float> values, double deviation);

 private:
  Random random_;
};

}  // namespace llc
