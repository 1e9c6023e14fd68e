// Sums of values that are zero wherever the others are not.
#pragma once
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace llc::compiler {

// A sum of paddings whose values lie one after the other is their concatenation: the gradient of what was cut into
// slices, as queries, keys and values that one product makes.
void joinPads(mlir::func::FuncOp function);

}  // namespace llc::compiler
