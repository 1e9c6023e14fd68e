// A number for each sequence of a dataset, in a file beside it: f32, little-endian, nothing else.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/status.h"

namespace llc::train {

// Nothing: there is no such file, or not one of so many numbers.
std::optional<std::vector<float>> readColumn(const std::string &path, uint64_t sequences);
Status writeColumn(const std::string &path, const std::vector<float> &column);

}  // namespace llc::train
