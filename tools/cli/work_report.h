// Work that can be counted without running anything: the same on every machine, so that a test can hold it down.
#pragma once
#include <nlohmann/json.hpp>
#include <string>

#include "runtime/base/status.h"

namespace mlir {
class ModuleOp;
}

namespace llc::cli {

// Of a scheduled module: {"decode": {...}, "prefill": {...}, "kernels", "arena_bytes", "scratch_bytes", "code_bytes"}. A step has
// "rows" new tokens of one sequence at the end of "context" tokens, the last row wanted: "stages", "barriers", "flops", "bytes"
// (as in `profile`). Kernels, scratch and code (an object of all entries) are those of the level avx2.
Result<nlohmann::json> workOf(mlir::ModuleOp scheduled);
std::string workText(const nlohmann::json &work);

}  // namespace llc::cli
