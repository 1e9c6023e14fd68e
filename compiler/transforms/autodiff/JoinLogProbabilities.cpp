#include "compiler/transforms/autodiff/Passes.h"
#include "dialect/ops/llm.h"
#include "mlir/Analysis/TopologicalSortUtils.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace llc::compiler {
#define GEN_PASS_DEF_JOINLOGPROBABILITIES
#include "compiler/transforms/autodiff/Passes.h.inc"

namespace {
using namespace mlir;

bool dependsOn(Value value, Operation *on) {
  llvm::SmallPtrSet<Operation *, 32> seen;
  llvm::SmallVector<Value> work = {value};
  while (!work.empty()) {
    Operation *maker = work.pop_back_val().getDefiningOp();
    if (maker == on) return true;
    if (maker && seen.insert(maker).second) llvm::append_range(work, maker->getOperands());
  }
  return false;
}

// The op that `backward` is the gradient of; null if there is none in its block.
llm::LinearLogProbOp forwardOf(llm::LinearLogProbBackwardOp backward) {
  for (Operation *user : backward.getX().getUsers()) {
    auto forward = dyn_cast<llm::LinearLogProbOp>(user);
    if (forward && forward->getBlock() == backward->getBlock() &&
        forward->getOperands() == backward->getOperands().take_front(3) &&
        forward.getSoftCapAttr() == backward.getSoftCapAttr() && forward.getScaleAttr() == backward.getScaleAttr() &&
        forward.getTransposedAttr() == backward.getTransposedAttr())
      return forward;
  }
  return {};
}

struct JoinLogProbabilities final : impl::JoinLogProbabilitiesBase<JoinLogProbabilities> {
  void runOnOperation() override {
    getOperation().walk([](llm::LinearLogProbBackwardOp backward) {
      llm::LinearLogProbOp forward = forwardOf(backward);
      if (!forward || dependsOn(backward.getDy(), forward)) return;
      Block *block = forward->getBlock();
      forward.getY().replaceAllUsesWith(backward.getY());
      forward.erase();
      sortTopologically(block);  // what reads y stood before
    });
  }
};
}  // namespace
}  // namespace llc::compiler
