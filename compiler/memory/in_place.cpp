#include "compiler/memory/in_place.h"

#include "compiler/lowering/epilogue.h"
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
  if (llvm::range_size(fused.getBody().getOps<llm::LinearOp>()) != 1) return false;
  BlockArgument inside = fused.getBody().getArgument(operand.getOperandNumber());
  return llvm::all_of(inside.getUses(), [](OpOperand &use) { return readsLikeResult(use); });
}

}  // namespace llc::compiler
