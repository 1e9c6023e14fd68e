// Sums of products of two tensors, such as contractions, as products of matrices that lie in memory as they are.
#pragma once
#include <optional>

#include "compiler/kernels/dense_product.h"
#include "mlir/IR/Operation.h"

namespace llc::compiler {

struct DenseProductOp {
  kernels::DenseProductSpec spec;
  mlir::Value a, b;
};
// An op of static shape whose one statement multiplies two operands element by element and sums, large enough for a
// kernel of its own; whatever its name. With operands that llm.fused converts before, too. Nothing if it is something
// else, or its indices make no matrices.
std::optional<DenseProductOp> asDenseProduct(mlir::Operation *op);

}  // namespace llc::compiler
