// How many rows of a wide tensor exist at a time where it is made tile by tile.
#pragma once
#include <algorithm>
#include <cstdint>

namespace llc::llm {

// As many rows of `width` numbers as fit 16 MiB of f32. Fewer than 256 would read weights, and read and write the sums
// that are their gradients, too often for the work that is done with them.
inline int64_t mostTileRows(int64_t width) {
  return std::max<int64_t>(256, (16 << 20) / (4 * std::max<int64_t>(width, 1)));
}

}  // namespace llc::llm
