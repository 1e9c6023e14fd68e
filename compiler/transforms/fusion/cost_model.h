// What fusion decides by: bytes that need not pass through memory, work done more than once, scratch that is needed.
// Counts come from the ops' Costed interface, for one row of the batch.
#pragma once
#include "dialect/ops/llm.h"

namespace llc::compiler {

struct FusionCost {
  double bytesSaved = 0;       // a row: values that are not written and read back
  double flopsRecomputed = 0;  // a row: work that every chunk of the reader would repeat
  double scratchBytes = 0;     // per thread: values of the current row that stay in scratch
  // Pays if the saved traffic costs more than the repeated work and scratch stays in the second-level cache of the
  // smallest target.
  bool pays() const;
};

// The floating point operations that take as long as one byte to or from memory: about what CPUs of the last ten years
// have per core.
inline constexpr double flopsPerByte = 8;
double scratchLimit();

double rowBytes(mlir::Type type);  // bytes of one row of a value, or of a value without rows
double rowFlops(mlir::Operation *op);
// Chunks of columns that a stage with products is cut into; 1: none.
int64_t columnChunks(mlir::Operation *stage);

// Two groups of ops that work row by row as one row program.
FusionCost costOfRows(llvm::ArrayRef<mlir::Operation *> into, llvm::ArrayRef<mlir::Operation *> from);
// An op on rows computed again by every chunk of a stage that streams weights.
FusionCost costInProduct(mlir::Operation *producer, mlir::Operation *stage);

}  // namespace llc::compiler
