#include "runtime/sampling/normal.h"

#include <cmath>
#include <numbers>

namespace llc {

void NormalNumbers::fill(std::span<float> values, double deviation) {
  for (size_t i = 0; i < values.size(); i += 2) {
    double radius = deviation * std::sqrt(-2 * std::log(1 - random_.uniform()));
    double angle = 2 * std::numbers::pi * random_.uniform();
    values[i] = float(radius * std::cos(angle));
    if (i + 1 < values.size()) values[i + 1] = float(radius * std::sin(angle));
  }
}

}  // namespace llc
