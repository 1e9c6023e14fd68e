// Contractions, reductions, llm.generic: all derived.
#include "dialect/ops/llm.h"

#define GET_OP_CLASSES
#include "dialect/ops/structured.cpp.inc"

namespace llc::llm {

void LlmDialect::addStructuredOps() {
  addOperations<
#define GET_OP_LIST
#include "dialect/ops/structured.cpp.inc"
      >();
}

// The identity, which sums of gradients leave behind.
mlir::OpFoldResult GenericOp::fold(FoldAdaptor) {
  auto [from, to] = getSignature().split("->");
  bool isIdentity = getBody() == "a" && from == to && getInputs().size() == 1 && getInputs()[0].getType() == getType();
  return isIdentity ? mlir::OpFoldResult(getInputs()[0]) : nullptr;
}

}  // namespace llc::llm
