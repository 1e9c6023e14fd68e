// The llm dialect: include this to use its ops, types and interfaces.
#pragma once
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialect/interfaces/interfaces.h"
#include "dialect/types/types.h"

#define GET_OP_CLASSES
#include "dialect/ops/ops.h.inc"

namespace llc::llm {
// Registers llm and func with the extensions that passes rely on (inlining of func.call: without it the inliner runs,
// reports success and inlines nothing).
void registerDialect(mlir::DialectRegistry &registry);
}  // namespace llc::llm
