#include "runtime/base/normal.h"

#include <cmath>
#include <utility>

namespace llc {

double NormalNumbers::next() {
  if (std::exchange(kept_, false)) return second_;
  auto uniform = [this] { return double(bits_() >> 11) * 0x1p-52 - 1; };  // [-1, 1)
  double x, y, square;
  do {
    x = uniform(), y = uniform();
    square = x * x + y * y;
  } while (square >= 1 || square == 0);
  double factor = std::sqrt(-2 * std::log(square) / square);
  kept_ = true, second_ = y * factor;
  return x * factor;
}

void NormalNumbers::fill(std::span<float> values, double deviation) {
  for (float &value : values) value = float(next() * deviation);
}

}  // namespace llc
