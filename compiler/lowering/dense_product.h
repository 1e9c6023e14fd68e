// Sums of products of two tensors, such as contractions, as products of matrices that lie in memory as they are.
#pragma once
#include <optional>

#include "compiler/kernels/dense_product.h"
#include "mlir/IR/Operation.h"

namespace llc::compiler {

struct DenseProductOp {
  kernels::DenseProductSpec spec;
  mlir::Value a, b;
  llvm::SmallVector<mlir::Value> extras = {};  // of the epilogue

  // The result is [m,n], so an epilogue may read operands beside it.
  bool takesEpilogue() const { return spec.batches.empty(); }
};
// An op of static shape whose one statement multiplies two operands element by element and sums, large enough for a
// kernel of its own; whatever its name. An llm.fused, too, that converts the factors before, or works on the result
// element by element. Nothing if it is something else, or its indices make no matrices.
std::optional<DenseProductOp> asDenseProduct(mlir::Operation *op);

}  // namespace llc::compiler
