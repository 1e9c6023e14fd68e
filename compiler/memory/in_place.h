// Stages that may write their result over an operand.
#pragma once
#include "mlir/IR/Operation.h"

namespace llc::compiler {

// True if the kernel of the operand's op reads element i of the operand before it writes element i of result number
// `result`, and nothing else of it after that: element-wise ops on operands like the result, residuals in the epilogue
// of a matrix product, and what the last op of a row program makes, once the others have read the row.
bool mayOverwrite(mlir::OpOperand &operand, unsigned result = 0);

// True if the kernel of `op` may write result number `result` over the memory of `old`: it does not read it, or reads
// each element before it writes it.
bool mayWriteOver(mlir::Operation *op, unsigned result, mlir::Value old);

}  // namespace llc::compiler
