// Results of a function that are written over what it reads: parameters that a training step changes, and the arguments
// of a block that such results are computed by.
#pragma once
#include <vector>

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace llc::compiler {

// The parameter that result number `result` of an entry is written over; null: none.
mlir::StringAttr updatedParameter(mlir::func::FuncOp entry, unsigned result);

struct Overwrite {
  unsigned result = 0;
  std::vector<mlir::Value> old;  // all values of the function that are that memory
};
std::vector<Overwrite> overwritesOf(mlir::func::FuncOp function);

// Stages that read the memory of one of `old`, through aliases.
std::vector<mlir::Operation *> readersOf(const std::vector<mlir::Value> &old);

// Tells blocks which of their arguments a result lies on (argument attribute llm.overwritten_by: number of the result),
// from entries to what they call; and copies results for which that would be wrong: they are written by a stage of
// their own when everything else has been read.
void resolveOverwrites(mlir::ModuleOp module);

}  // namespace llc::compiler
