// Which operands of an op are factors of a product of matrices: by its program or decomposition, not by its name.
#pragma once
#include "llvm/ADT/SmallVector.h"
#include "mlir/IR/Operation.h"

namespace llc::compiler {

// Operands that the op reads as factors of sums y[.r.c.] = sum[k] a[.r.k.] * b[.k.c.] and in no other way.
llvm::SmallVector<mlir::OpOperand *> matrixFactors(mlir::Operation *op);

}  // namespace llc::compiler
