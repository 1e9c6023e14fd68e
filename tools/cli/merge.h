// Adapters merged into the weights of their model.
#pragma once
#include <string>
#include <vector>

#include "runtime/base/status.h"
#include "runtime/base/progress.h"

namespace llc::cli {

// Writes a model directory at `output` (new, or empty): the files of `model`, with the weights that the adapters change
// replaced. Weights keep their types. The directory appears whole or not at all. Errors: those of attachAdapter; a type
// that can't be written; the disk's.
Status mergeAdapters(const std::string &model, const std::vector<std::string> &adapters, const std::string &output,
                     Progress &progress);

}  // namespace llc::cli
