// Ops with a program text as one specification of the loop emitters: statements of all ops with names and letters made
// consistent (values are v0, v1, ...; the rows' letter is t in every statement).
#pragma once
#include "compiler/kernels/kernels.h"
#include "mlir/IR/Operation.h"
#include "runtime/base/status.h"

namespace llc::compiler {

// For a single op, or all ops in the region of llm.fused. Inputs are the op's tensor operands in order, without
// duplicates: `operands` receives their numbers. Errors: an op without a program, more letters than the alphabet has.
// Where all shapes are static, the leading indices of the results count the rows (spec.rows), as many as work; an
// element-wise program stays as it is.
Result<kernels::RowProgramSpec> rowProgramOf(mlir::Operation *op, llvm::SmallVectorImpl<unsigned> &operands);

// Replaces letters of a statement one for one (index strings and #i, @i in the body).
index::Statement renameLetters(const index::Statement &, const std::map<char, char> &letters);

// Every value is read and written at the row being computed (static shapes: or the element): no stage could tell it from
// a loop over rows.
bool worksRowByRow(mlir::Operation *op);
// The same for several ops of a block as one program. They have results.
bool workRowByRow(llvm::ArrayRef<mlir::Operation *> ops);

}  // namespace llc::compiler
