// What to save when there is room for so many bytes between forward and backward.
#pragma once
#include "compiler/transforms/autodiff/reverse.h"

namespace llc::compiler {

// What the calls of @function save so that it is at most `bytes` and least is computed again: the two neighbouring
// choices of leastRecomputation() that save less and more than that, and how many calls take the first. No mixture of
// choices does better, but for the part of one call that is left over: costs over bytes of all choices form a convex
// curve. Fails after an error was reported: the function can't be differentiated.
mlir::FailureOr<Savings> savingsWithin(mlir::ModuleOp module, mlir::func::FuncOp function, double bytes);

}  // namespace llc::compiler
