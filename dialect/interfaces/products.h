// Products of matrices, by what ops mean and not by their names.
#pragma once
#include <optional>

#include "dialect/interfaces/index.h"
#include "mlir/IR/Operation.h"

namespace llc::llm {

// y[.r.c.] = sum[k] a[.r.k.] * b[.k.c.], possibly times numbers.
struct MatrixProduct {
  int left, right;  // places of a and b among the statement's inputs
  bool batched;     // a, b and y have an index in common
};
std::optional<MatrixProduct> matrixProductOf(const index::Statement &statement);

// Calls `visit` with the ops that `op` is decomposed into, which stand before it and are gone afterwards. Does nothing
// if it is not Decomposable, or can't be decomposed.
void visitDecomposition(mlir::Operation *op, llvm::function_ref<void(llvm::ArrayRef<mlir::Operation *>)> visit);

}  // namespace llc::llm
