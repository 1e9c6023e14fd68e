#include "compiler/transforms/fusion/Passes.h"
#include "compiler/transforms/fusion/decisions.h"
#include "compiler/transforms/fusion/outline.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace llc::compiler {
#define GEN_PASS_DEF_FUSEHEADS
#include "compiler/transforms/fusion/Passes.h.inc"

namespace {
using namespace mlir;

struct FuseHeads final : impl::FuseHeadsBase<FuseHeads> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      for (auto append : llvm::make_early_inc_range(function.getOps<llm::CacheAppendOp>())) tryFuse(append);
  }

  void tryFuse(llm::CacheAppendOp append) {
    auto products = joinsHeads(append);
    if (!products.ok()) return;
    llvm::SmallVector<Operation *> members = products->members();
    llvm::sort(members, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
    outline(members);
  }
};
}  // namespace
}  // namespace llc::compiler
