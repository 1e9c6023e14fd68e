// Which kernel computes what, and where layouts change between kernels.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "compiler/lowering/kernel_uses.h"

namespace mlir {
class ModuleOp;
}

namespace llc::cli {

// One row for each op of a scheduled module, in the order of execution: {"function", "name", "op", "kernel",
// "computes", "after_barrier", "result", "copies"}. "kernel" is null where no stage is. "copies": what is brought to
// another layout for this stage: {"what", "layout", "when": "before" by a stage of its own or "in chunks", "from_rows",
// "row_bytes", "block_rows", "block_bytes"}.
nlohmann::json kernelsOf(mlir::ModuleOp scheduled, const std::vector<compiler::KernelUse> &uses);

// Bytes that are copied to other layouts by one run of each entry: [{"entry", "tokens", "bytes"}], with one token and
// with as many as a step may have, one row wanted.
nlohmann::json copiedBySteps(mlir::ModuleOp scheduled, const std::vector<compiler::KernelUse> &uses, int64_t maxTokens);

// Both for people.
std::string kernelText(const nlohmann::json &kernels, const nlohmann::json &copied);

}  // namespace llc::cli
