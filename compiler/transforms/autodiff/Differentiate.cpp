#include "compiler/transforms/autodiff/Passes.h"
#include "compiler/transforms/autodiff/budget.h"

namespace llc::compiler {
#define GEN_PASS_DEF_DIFFERENTIATE
#include "compiler/transforms/autodiff/Passes.h.inc"

namespace {
using namespace mlir;

constexpr const char *mark = "llm.differentiate";

FailureOr<Savings> savingsOf(ModuleOp module, func::FuncOp function) {
  auto text = function->getAttrOfType<StringAttr>(mark);
  if (!text) return Savings{};
  if (StringRef bytes = text.getValue(); bytes.consume_front("keep:")) {
    int64_t number = 0;
    if (bytes.getAsInteger(10, number) || number < 0)
      return function.emitError("keeps '") << bytes << "', which is no number of bytes; to fix: write keep:1000000";
    return savingsWithin(module, function, double(number));
  }
  Result<Saving> saving = Saving::parse(text.getValue().str());
  if (!saving) return function.emitError("is marked llm.differentiate: ") << saving.error().text();
  return Savings{.early = *saving, .late = *saving};
}

struct Differentiate final : impl::DifferentiateBase<Differentiate> {
  void runOnOperation() override {
    SmallVector<func::FuncOp> marked;
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (function->hasAttr(mark)) marked.push_back(function);
    for (func::FuncOp function : marked) {
      FailureOr<Savings> savings = savingsOf(getOperation(), function);
      if (failed(savings) || failed(Derivatives(getOperation(), *savings).differentiate(function)))
        return signalPassFailure();
      function->removeAttr(mark);
    }
  }
};
}  // namespace
}  // namespace llc::compiler
