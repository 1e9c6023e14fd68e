// Stages that may write their result over an operand.
#pragma once
#include "mlir/IR/Operation.h"

namespace llc::compiler {

// True if the kernel of `op` reads element i of the operand before it writes element i of its one result, and nothing
// else of it: element-wise ops on operands like the result, and residuals in the epilogue of a matrix product.
bool mayOverwrite(mlir::OpOperand &operand);

// True if the kernel of `op` may write result number `result` over the memory of `old`: it does not read it, or reads
// each element before it writes it.
bool mayWriteOver(mlir::Operation *op, unsigned result, mlir::Value old);

}  // namespace llc::compiler
