// From a loss and an update rule to a training step. The passes are described in Passes.td.
#pragma once
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace llc::compiler {
#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "compiler/transforms/training/Passes.h.inc"

// Result attribute of an entry: the name of the parameter that the result is written over. All old values are read
// before.
inline constexpr const char *updatesAttribute = "llm.updates";
}  // namespace llc::compiler
