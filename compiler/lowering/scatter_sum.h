// Sums at computed places that another value is added to: gradients of embeddings that are the head's weight as well.
#pragma once
#include <optional>

#include "dialect/ops/llm.h"

namespace llc::compiler {

// An op that sums into the rows of a matrix of static shape at computed places; whatever its name.
bool isScatter(mlir::Operation *op);

// An llm.fused of such an op and the sum of its result with a matrix like it. The kernel adds to that matrix in place
// if it may, which neither fills nor reads what no place names.
struct ScatterSum {
  mlir::Operation *scatter;  // inside
  unsigned start;            // number of the stage's operand that it adds to
};
std::optional<ScatterSum> asScatterSum(mlir::Operation *stage);
// Is the op a sum of the scatter's result and of a matrix like it?
bool addsToScatter(mlir::Operation *scatter, mlir::Operation *reader);

}  // namespace llc::compiler
