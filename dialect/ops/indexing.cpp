// Indexing ops: derived but for the bytes that gathers touch.
#include "dialect/ops/llm.h"

#define GET_OP_CLASSES
#include "dialect/ops/indexing.cpp.inc"

namespace llc::llm {

void LlmDialect::addIndexingOps() {
  addOperations<
#define GET_OP_LIST
#include "dialect/ops/indexing.cpp.inc"
      >();
}

// A gather reads the rows it wants, never the whole table.
static Cost gatherCost(mlir::Operation *op, const CostQuery &query) {
  double width = mlir::getElementTypeOrSelf(op->getOperand(0).getType()).getIntOrFloatBitWidth() / 8.0;
  double resultWidth = mlir::getElementTypeOrSelf(op->getResult(0).getType()).getIntOrFloatBitWidth() / 8.0;
  double result = derive::bytesOf(op->getResult(0).getType(), query);
  return {0, result + result * width / resultWidth + derive::bytesOf(op->getOperand(1).getType(), query)};
}

Cost GatherRowsOp::cost(const CostQuery &query) { return gatherCost(*this, query); }
Cost TakeOp::cost(const CostQuery &query) { return gatherCost(*this, query); }

Result<llvm::SmallVector<mlir::Type>> OneHotOp::resultTypes(mlir::ValueRange operands,
                                                            mlir::DictionaryAttr attributes) {
  int64_t depth = attributes.getAs<mlir::IntegerAttr>("depth").getInt();
  if (depth < 1)
    return diagnose(ErrorKind::invalidInput)
        .says("depth is " + std::to_string(depth))
        .toFix("give the number of classes");
  auto ids = mlir::cast<mlir::RankedTensorType>(operands[0].getType());
  llvm::SmallVector<int64_t> shape(ids.getShape());
  shape.push_back(depth);
  return llvm::SmallVector<mlir::Type>{mlir::RankedTensorType::get(shape, mlir::Float32Type::get(ids.getContext()))};
}

}  // namespace llc::llm
