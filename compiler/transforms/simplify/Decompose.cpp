#include "compiler/lowering/kernel_choice.h"
#include "compiler/transforms/simplify/Passes.h"
#include "dialect/ops/llm.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace llc::compiler {
#define GEN_PASS_DEF_DECOMPOSE
#include "compiler/transforms/simplify/Passes.h.inc"

namespace {
using namespace mlir;

struct Decompose final : impl::DecomposeBase<Decompose> {
  void runOnOperation() override {
    llvm::SmallVector<Operation *> work;
    getOperation().walk([&](Operation *op) {
      if (needsDecomposition(op)) work.push_back(op);
    });
    while (!work.empty()) {
      Operation *op = work.pop_back_val();
      OpBuilder builder(op);
      Operation *before = op->getPrevNode();
      llvm::SmallVector<Value> results;
      auto decomposable = dyn_cast<llm::Decomposable>(op);
      if (!decomposable || failed(decomposable.decompose(builder, results))) {
        op->emitError("has no code: neither a kernel nor a program nor a decomposition");
        return signalPassFailure();
      }
      // The parts may have to be taken apart again.
      for (Operation *part = before ? before->getNextNode() : &op->getBlock()->front(); part != op;
           part = part->getNextNode())
        if (needsDecomposition(part)) work.push_back(part);
      op->replaceAllUsesWith(results);
      op->erase();
    }
  }
};
}  // namespace
}  // namespace llc::compiler
