#include "compiler/memory/in_place.h"

#include "compiler/lowering/dense_product.h"
#include "compiler/lowering/epilogue.h"
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

bool mayOverwrite(OpOperand &operand) {
  Operation *op = operand.getOwner();
  if (op->getNumResults() != 1 || operand.get().getType() != op->getResult(0).getType()) return false;
  if (llvm::count(op->getOperands(), operand.get()) != 1) return false;
  auto fused = dyn_cast<llm::FusedOp>(op);
  if (!fused) return readsLikeResult(operand);
  // A product with an epilogue, not a row program: there the order of statements would matter.
  if (llvm::range_size(fused.getBody().getOps<llm::LinearOp>()) != 1 && !asDenseProduct(fused)) return false;
  BlockArgument inside = fused.getBody().getArgument(operand.getOperandNumber());
  return llvm::all_of(inside.getUses(), [](OpOperand &use) { return readsLikeResult(use); });
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
