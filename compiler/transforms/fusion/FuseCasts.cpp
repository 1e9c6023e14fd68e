#include "compiler/lowering/dense_product.h"
#include "compiler/transforms/fusion/Passes.h"
#include "compiler/transforms/fusion/outline.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace llc::compiler {
#define GEN_PASS_DEF_FUSECASTS
#include "compiler/transforms/fusion/Passes.h.inc"

namespace {
using namespace mlir;

bool becomesNarrower(llm::CastOp cast) {
  auto from = dyn_cast<FloatType>(getElementTypeOrSelf(cast.getX().getType()));
  auto to = dyn_cast<FloatType>(getElementTypeOrSelf(cast.getType()));
  return from && to && from.isF32() && to.getWidth() < from.getWidth();
}

// The left factor is copied for every block of columns: there it pays to have been rounded before.
bool isRightFactor(Value value, Operation *reader) {
  auto product = asDenseProduct(reader);
  return product && product->b == value && product->a != value;
}

struct FuseCasts final : impl::FuseCastsBase<FuseCasts> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      for (Block &block : function.getBody())
        for (auto cast : llvm::make_early_inc_range(block.getOps<llm::CastOp>()))
          if (becomesNarrower(cast)) tryFuse(cast);
  }

  void tryFuse(llm::CastOp cast) {
    llvm::SmallSetVector<Operation *, 4> readers(cast->user_begin(), cast->user_end());
    if (readers.empty() || !llvm::all_of(readers, [&](Operation *op) { return isRightFactor(cast, op); })) return;
    for (Operation *reader : readers) {
      OpBuilder builder(reader);
      Operation *copy = builder.clone(*cast);
      reader->replaceUsesOfWith(cast, copy->getResult(0));
      outline({copy, reader});
    }
    cast->erase();
  }
};
}  // namespace
}  // namespace llc::compiler
