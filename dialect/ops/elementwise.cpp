// Element-wise ops: all derived.
#include "dialect/ops/llm.h"

#define GET_OP_CLASSES
#include "dialect/ops/elementwise.cpp.inc"

namespace llc::llm {

void LlmDialect::addElementwiseOps() {
  addOperations<
#define GET_OP_LIST
#include "dialect/ops/elementwise.cpp.inc"
      >();
}

mlir::OpFoldResult CastOp::fold(FoldAdaptor) {
  return getX().getType() == getType() ? mlir::OpFoldResult(getX()) : nullptr;
}

}  // namespace llc::llm
