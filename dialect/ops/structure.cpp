// Ops that hold other ops.
#include "dialect/ops/llm.h"
#include "dialect/reference/interpreter.h"

#define GET_OP_CLASSES
#include "dialect/ops/structure.cpp.inc"

namespace llc::llm {

void LlmDialect::addStructureOps() {
  addOperations<
#define GET_OP_LIST
#include "dialect/ops/structure.cpp.inc"
      >();
}

llvm::LogicalResult FusedOp::verify() {
  mlir::Block &body = getBody().front();
  if (!llvm::equal(body.getArgumentTypes(), getInputs().getTypes()))
    return emitOpError(
        "has region arguments of other types than its operands; to fix: give the region one argument per operand");
  mlir::Operation *terminator = body.getTerminator();
  if (!llvm::equal(terminator->getOperandTypes(), getResultTypes()))
    return emitOpError("yields other types than its results; to fix: yield one value per result");
  return mlir::success();
}
llvm::LogicalResult FusedOp::evaluate(llvm::ArrayRef<Datum> operands, Environment &environment,
                                      llvm::SmallVectorImpl<Datum> &results) {
  return interpretBlock(getBody().front(), operands, environment, results);
}
// The region's ops in place of the op.
llvm::LogicalResult FusedOp::decompose(mlir::OpBuilder &builder, llvm::SmallVectorImpl<mlir::Value> &results) {
  mlir::IRMapping mapping;
  mapping.map(getBody().getArguments(), getInputs());
  for (mlir::Operation &op : getBody().front().without_terminator()) builder.clone(op, mapping);
  for (mlir::Value value : getBody().front().getTerminator()->getOperands())
    results.push_back(mapping.lookupOrDefault(value));
  return mlir::success();
}
std::vector<Factor> FusedOp::shardingFactors() { return {}; }  // sharding comes before fusion
// The arithmetic of the region; only operands and results touch memory.
Cost FusedOp::cost(const CostQuery &query) {
  Cost total;
  for (mlir::Operation &op : getBody().front())
    if (auto costed = mlir::dyn_cast<Costed>(op)) total.flops += costed.cost(query).flops;
  for (mlir::Type type : getOperandTypes()) total.bytes += derive::bytesOf(type, query);
  for (mlir::Type type : getResultTypes()) total.bytes += derive::bytesOf(type, query);
  return total;
}

llvm::LogicalResult YieldOp::evaluate(llvm::ArrayRef<Datum>, Environment &, llvm::SmallVectorImpl<Datum> &) {
  return mlir::success();
}
llvm::LogicalResult YieldOp::decompose(mlir::OpBuilder &, llvm::SmallVectorImpl<mlir::Value> &) {
  return emitOpError("is primitive: it ends a region");
}
std::vector<Factor> YieldOp::shardingFactors() { return {}; }
Cost YieldOp::cost(const CostQuery &) { return {}; }

}  // namespace llc::llm
