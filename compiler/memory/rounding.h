// Values that are rounded to bf16 and stay f32: how a program says it, how kernels know it, and what may follow.
#pragma once
#include "dialect/interfaces/index.h"
#include "dialect/ops/attention_values.h"
#include "dialect/ops/llm.h"

namespace llc::compiler {

using llm::attention::roundedAttribute;

// y = bf16(x), element by element.
llm::GenericOp roundingOf(mlir::OpBuilder &, mlir::Value x);

// The expression without the rounding that it ends with, if it does.
index::ExprPtr withoutRounding(const index::ExprPtr &);

// Whether every element is a number of bf16 by what made it, through shapes and stages of several ops.
bool isRoundedToBf16(mlir::Value);
// Whether kernels may store a stage's result as rows of bf16 (kernels/bf16_rows.h): it is rounded, has dynamic rows,
// and nothing reads it but products with packed bf16 weights, as their left factor.
bool mayLieInBf16Rows(mlir::OpResult);
// Whether anything in the program is rounded.
bool roundsActivations(mlir::ModuleOp);

}  // namespace llc::compiler
