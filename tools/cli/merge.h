// Adapters merged into the weights of their model.
#pragma once
#include <string>
#include <vector>

#include "runtime/base/status.h"
#include "runtime/base/progress.h"

namespace llc::cli {

struct MergeOptions {
  std::vector<std::string> adapters;  // attachAdapters
  std::string dtype = "";             // of all floats: f32, bf16, f16; empty: each weight keeps its own
};

// Writes a model directory at `output` (new, or empty): the files of `model`, with the weights that the adapters change
// replaced. They are added in f32 and rounded once. The directory appears whole or not at all. Errors: those of
// attachAdapter; a weight that f16 can't hold; the disk's.
Status mergeAdapters(const std::string &model, const MergeOptions &options, const std::string &output,
                     Progress &progress);

}  // namespace llc::cli
