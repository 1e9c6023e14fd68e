#include "compiler/transforms/autodiff/Passes.h"
#include "compiler/transforms/autodiff/reverse.h"

namespace llc::compiler {
#define GEN_PASS_DEF_DIFFERENTIATE
#include "compiler/transforms/autodiff/Passes.h.inc"

namespace {
using namespace mlir;

constexpr const char *mark = "llm.differentiate";

FailureOr<Saving> savingOf(func::FuncOp function) {
  auto name = function->getAttrOfType<StringAttr>(mark);
  if (!name || name == "everything_saveable") return Saving::everything;
  if (name == "nothing_saveable") return Saving::nothing;
  return function.emitError("is marked llm.differentiate = ")
         << name << ", which is no choice of what to save; to fix: use \"everything_saveable\" or \"nothing_saveable\"";
}

struct Differentiate final : impl::DifferentiateBase<Differentiate> {
  void runOnOperation() override {
    SmallVector<func::FuncOp> marked;
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (function->hasAttr(mark)) marked.push_back(function);
    for (func::FuncOp function : marked) {
      FailureOr<Saving> saving = savingOf(function);
      if (failed(saving) || failed(Derivatives(getOperation(), *saving).differentiate(function)))
        return signalPassFailure();
      function->removeAttr(mark);
    }
  }
};
}  // namespace
}  // namespace llc::compiler
