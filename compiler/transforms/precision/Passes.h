// In which precision a program computes. The passes are described in Passes.td.
#pragma once
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace llc::compiler {
#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "compiler/transforms/precision/Passes.h.inc"

// On a function: the float type that its products of matrices read, and those of the functions that it calls.
inline constexpr const char *productsAttribute = "llm.products";
}  // namespace llc::compiler
