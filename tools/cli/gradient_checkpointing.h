// --gradient-checkpointing: a named choice of what layers keep for their backward pass, or a limit of memory.
#pragma once
#include <CLI/CLI.hpp>
#include <functional>
#include <optional>
#include <string>

#include "mlir/IR/BuiltinOps.h"
#include "runtime/base/status.h"
#include "runtime/base/progress.h"

namespace llc::cli {

// `budgets`: "auto:BYTES" is possible, too.
void addGradientCheckpointingFlag(CLI::App &app, std::string &text, bool budgets);
// Errors: what addGradientCheckpointingFlag() would refuse.
Status checkGradientCheckpointing(const std::string &text, bool budgets);

// Of "auto:BYTES"; nothing of other choices. BYTES: a number with or without a unit (MB, GB, MiB, GiB ...).
Result<std::optional<uint64_t>> memoryBudget(std::string_view text);

// Of a training module in phase traced: what its functions are to save ("keep:N", see llm.differentiate), so that
// parameters, state and activations take at most `budget` bytes and least is computed again. Errors: resource (no
// choice is that small; says what the least is).
Result<std::string> savingWithin(mlir::ModuleOp traced, uint64_t budget, Progress &progress);
void setSaving(mlir::ModuleOp traced, std::string_view saving);
// Error: a choice names places that layers do not have.
Status checkSavedPlaces(mlir::ModuleOp traced, std::string_view saving);

}  // namespace llc::cli
