#include "compiler/lowering/scatter_sum.h"
#include "compiler/transforms/fusion/Passes.h"
#include "compiler/transforms/fusion/decisions.h"
#include "compiler/transforms/fusion/outline.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace llc::compiler {
#define GEN_PASS_DEF_FUSEEPILOGUES
#include "compiler/transforms/fusion/Passes.h.inc"

namespace {
using namespace mlir;

// The op that reads the product alone, element by element; null if there is none.
Operation *epilogueOf(Operation *product) {
  Value result = product->getResult(0);
  if (result.use_empty()) return nullptr;
  Operation *reader = *result.getUsers().begin();
  return joinsEpilogue(product, reader).ok() ? reader : nullptr;
}

struct FuseEpilogues final : impl::FuseEpiloguesBase<FuseEpilogues> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      for (Block &block : function.getBody()) {
        llvm::SmallVector<Operation *> products;
        for (Operation &op : block)
          if (isProduct(&op) || isScatter(&op)) products.push_back(&op);
        // Two products that meet in one op: the later one keeps it, the other is done by then.
        for (Operation *product : llvm::reverse(products)) extend(product);
      }
  }

  void extend(Operation *product) {
    if (isScatter(product)) return addTo(product);
    llvm::SmallVector<Operation *> members = {product};
    while (Operation *next = epilogueOf(members.back())) members.push_back(next);
    if (members.size() > 1) outline(members);
  }

  void addTo(Operation *scatter) {
    Value result = scatter->getResult(0);
    if (result.use_empty()) return;
    Operation *reader = *result.getUsers().begin();
    if (joinsScatter(scatter, reader).ok()) outline({scatter, reader});
  }
};
}  // namespace
}  // namespace llc::compiler
