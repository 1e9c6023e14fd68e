// A run as one page: curves of loss, gradient norm, learning rate and speed, the texts that were sampled, the warnings.
#pragma once
#include "runtime/train/metrics.h"

namespace llc::train {

// HTML that needs no other file and no network. `facts`: name and value of what is said at its top.
std::string trainingReport(const std::string &title, const std::vector<std::pair<std::string, std::string>> &facts,
                           const std::vector<Record> &records);

}  // namespace llc::train
