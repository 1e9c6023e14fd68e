// Element-wise ops on the result of a matrix product, as one scalar expression (kernels::MatmulSpec::epilogue).
#pragma once
#include <optional>

#include "dialect/interfaces/index.h"
#include "mlir/IR/Operation.h"

namespace llc::compiler {

// How an epilogue reads an operand: like the result, once per column, once per row.
inline constexpr const char *readsMatrix = "tn", *readsColumns = "n", *readsRows = "t";

bool isPlainF32(mlir::Type);  // a tensor of f32, not packed

// An op that may be part of an epilogue: f32[t,n] results computed element by element.
struct ElementwiseOp {
  index::ExprPtr body;             // over the op's operands by number
  std::vector<std::string> reads;  // of each operand
};
std::optional<ElementwiseOp> asElementwise(mlir::Operation *op);

}  // namespace llc::compiler
