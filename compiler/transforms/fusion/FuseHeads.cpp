#include "compiler/lowering/head_products.h"
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
    if (!joinsHeads(append).ok()) return;
    for (Operation *reader : append.getNext().getUsers()) {
      auto attention = dyn_cast<llm::PagedAttentionOp>(reader);
      if (!attention) continue;
      llvm::SmallVector<Operation *> members = headProductsOf(append, attention.getQ())->members();
      llvm::sort(members, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
      outline(members);
      return;
    }
  }
};
}  // namespace
}  // namespace llc::compiler
