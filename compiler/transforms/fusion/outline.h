// Puts ops into one llm.fused.
#pragma once
#include "dialect/ops/llm.h"

namespace llc::compiler {

// `ops` are of one block, in order; those that are llm.fused already are taken apart. The new op stands where the last
// one stood, so everything the others' results reach must come after it (or the block be sorted). Its operands are what
// the ops read from outside, its results what is read outside; it is null, and nothing changed, if nothing is read
// outside.
llm::FusedOp outline(llvm::ArrayRef<mlir::Operation *> ops);

}  // namespace llc::compiler
