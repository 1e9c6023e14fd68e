// Values that are rounded to bf16 and stay f32: how a program says it, and how kernels know it.
#pragma once
#include "dialect/ops/attention_values.h"
#include "dialect/ops/llm.h"

namespace llc::compiler {

using llm::attention::roundedAttribute;

// y = bf16(x), element by element.
llm::GenericOp roundingOf(mlir::OpBuilder &, mlir::Value x);

// Whether every element is a number of bf16 by what made it, through shapes and stages of several ops.
bool isRoundedToBf16(mlir::Value);
// Whether anything in the program is.
bool roundsActivations(mlir::ModuleOp);

}  // namespace llc::compiler
