#include "compiler/memory/in_place.h"

#include "compiler/lowering/dense_product.h"
#include "compiler/lowering/epilogue.h"
#include "compiler/lowering/row_program.h"
#include "compiler/lowering/scatter_sum.h"
#include "compiler/memory/rounding.h"
#include "compiler/memory/stages.h"
#include "dialect/interfaces/interfaces.h"
#include "dialect/ops/llm.h"

namespace llc::compiler {
using namespace mlir;
namespace {

bool readsLikeResult(OpOperand &operand) {
  auto elementwise = asElementwise(operand.getOwner());
  return elementwise && elementwise->reads[operand.getOperandNumber()] == readsMatrix;
}
}  // namespace

namespace {
// Is every value that is computed without a sum, minimum or maximum made of the same elements of its operands, as far
// as they have as many dimensions?
bool keepsPlaces(Operation *op) {
  auto statements = llm::derive::concreteStatements(op);
  if (!statements.ok() || statements->size() != 1) return false;
  const index::Statement &statement = statements->front();
  size_t rank = index::dimensions(statement.output).size();
  return !statement.combiner.empty() || llvm::all_of(statement.inputs, [&](const std::string &input) {
    return input == statement.output || index::dimensions(input).size() < rank;
  });
}

// For each row a row program runs its ops one after the other, but may move element-wise ones to where they are read.
// The last op, whose result is the last, comes after all others, and reads the row for itself element by element.
bool lastOverwrites(llm::FusedOp fused, OpOperand &operand, unsigned result) {
  Block &body = fused.getBody().front();
  Operation *end = body.getTerminator(), *writer = end->getOperand(result).getDefiningOp();
  auto type = dyn_cast<RankedTensorType>(operand.get().getType());
  if (!type || type.getRank() < 2 || result + 1 != fused->getNumResults()) return false;
  if (!writer || writer->getNextNode() != end) return false;
  SmallVector<Operation *> ops;
  for (Operation &op : body.without_terminator()) ops.push_back(&op);
  if (!workRowByRow(ops) || !llvm::all_of(ops, keepsPlaces)) return false;
  auto statements = llm::derive::concreteStatements(writer);
  return statements.ok() && statements->front().combiner.empty();
}
}  // namespace

bool mayOverwrite(OpOperand &operand, unsigned result) {
  Operation *op = operand.getOwner();
  if (operand.get().getType() != op->getResult(result).getType()) return false;
  if (llvm::count(op->getOperands(), operand.get()) != 1) return false;
  if (mayLieInBf16Rows(op->getResult(result))) return false;  // in other places than those that it is read from
  auto fused = dyn_cast<llm::FusedOp>(op);
  if (!fused) return op->getNumResults() == 1 && readsLikeResult(operand);
  if (auto sum = asScatterSum(fused)) return operand.getOperandNumber() == sum->start;
  bool isProduct = llvm::range_size(fused.getBody().getOps<llm::LinearOp>()) == 1 || asDenseProduct(fused);
  if (!isProduct) return lastOverwrites(fused, operand, result);
  BlockArgument inside = fused.getBody().getArgument(operand.getOperandNumber());
  return op->getNumResults() == 1 &&
         llvm::all_of(inside.getUses(), [](OpOperand &use) { return readsLikeResult(use); });
}

namespace {
// Is the operand read at the index that the op's one statement writes?
bool readsWhereItWrites(OpOperand &operand) {
  Operation *op = operand.getOwner();
  if (op->getNumResults() != 1 || !llm::derive::hasProgram(op)) return false;
  auto statements = llm::derive::concreteStatements(op);
  if (!statements.ok() || statements->size() != 1 || !statements->front().combiner.empty()) return false;
  const index::Statement &statement = statements->front();
  auto names = llm::derive::operandNames(op);
  if (operand.getOperandNumber() >= names.size()) return false;
  for (size_t i = 0; i < statement.inputs.size(); ++i)
    if (statement.inputNames[i] == names[operand.getOperandNumber()] && statement.inputs[i] != statement.output)
      return false;
  return true;
}

bool mayWriteOverInside(llm::FusedOp fused, unsigned result, BlockArgument old) {
  Operation *writer = fused.getBody().front().getTerminator()->getOperand(result).getDefiningOp();
  return writer && llvm::all_of(old.getUses(), [&](OpOperand &use) {
           Operation *reader = use.getOwner();
           return (reader == writer || reader->isBeforeInBlock(writer)) && readsWhereItWrites(use);
         });
}
}  // namespace

bool mayWriteOver(Operation *op, unsigned result, Value old) {
  for (OpOperand &operand : op->getOpOperands()) {
    if (memoryOf(operand.get()) != old) continue;
    // In another shape, the same index is another place.
    if (operand.get().getType() != op->getResult(result).getType()) return false;
    auto fused = dyn_cast<llm::FusedOp>(op);
    if (fused && asDenseProduct(op)) return false;  // its conversions happen as it goes along
    if (fused ? !mayWriteOverInside(fused, result, fused.getBody().getArgument(operand.getOperandNumber()))
              : !readsWhereItWrites(operand))
      return false;
  }
  return true;
}

}  // namespace llc::compiler
