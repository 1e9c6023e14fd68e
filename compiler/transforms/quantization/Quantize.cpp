#include "compiler/transforms/quantization/Passes.h"
#include "dialect/ops/llm.h"

namespace llc::compiler {
#define GEN_PASS_DEF_QUANTIZE
#include "compiler/transforms/quantization/Passes.h.inc"

namespace {
using namespace mlir;

struct Quantize final : impl::QuantizeBase<Quantize> {
  void runOnOperation() override {
    for (auto parameter : getOperation().getOps<llm::ParameterOp>()) {
      if (!parameter->hasAttr("llm.quantize")) continue;
      parameter.emitError(
          "is marked llm.quantize, but this version has no quantized weights yet; "
          "to fix: remove the attribute and choose the type with --dtype");
      return signalPassFailure();
    }
  }
};
}  // namespace
}  // namespace llc::compiler
