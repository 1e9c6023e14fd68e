#include "compiler/transforms/autodiff/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace llc::compiler {
#define GEN_PASS_DEF_DIFFERENTIATE
#include "compiler/transforms/autodiff/Passes.h.inc"

namespace {
using namespace mlir;

struct Differentiate final : impl::DifferentiateBase<Differentiate> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (!function->hasAttr("llm.differentiate")) continue;
      function.emitError(
          "is marked llm.differentiate, but this version has no differentiation pass yet; "
          "to fix: remove the attribute, or compute gradients with the reference interpreter");
      return signalPassFailure();
    }
  }
};
}  // namespace
}  // namespace llc::compiler
