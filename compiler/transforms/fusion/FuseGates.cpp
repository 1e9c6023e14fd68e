#include "compiler/lowering/epilogue.h"
#include "compiler/transforms/fusion/Passes.h"
#include "compiler/transforms/fusion/outline.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace llc::compiler {
#define GEN_PASS_DEF_FUSEGATES
#include "compiler/transforms/fusion/Passes.h.inc"

namespace {
using namespace mlir;

// From `value` back through element-wise ops of one operand to a matrix product; every step has one reader.
llm::LinearOp productBehind(Value value, llvm::SmallVectorImpl<Operation *> &chain) {
  while (Operation *op = value.getDefiningOp()) {
    if (!value.hasOneUse()) return {};
    chain.push_back(op);
    if (auto linear = dyn_cast<llm::LinearOp>(op)) return linear;
    if (op->getNumOperands() != 1 || !asElementwise(op)) return {};
    value = op->getOperand(0);
  }
  return {};
}

bool alike(llm::LinearOp left, llm::LinearOp right) {
  return left && right && left != right && left.getX() == right.getX() &&
         left.getTransposed() == right.getTransposed() && left.getW().getType() == right.getW().getType() &&
         llm::isPacked(left.getW().getType());
}

struct FuseGates final : impl::FuseGatesBase<FuseGates> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      for (Block &block : function.getBody())
        for (Operation &op : llvm::make_early_inc_range(block)) tryFuse(&op);
  }

  void tryFuse(Operation *meeting) {
    if (meeting->getNumOperands() != 2 || !asElementwise(meeting)) return;
    llvm::SmallVector<Operation *> members;
    llm::LinearOp left = productBehind(meeting->getOperand(0), members),
                  right = productBehind(meeting->getOperand(1), members);
    if (!alike(left, right)) return;
    members.push_back(meeting);
    llvm::sort(members, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
    outline(members);
  }
};
}  // namespace
}  // namespace llc::compiler
