// Stages that make parameters.
#include "compiler/lowering/kernel_choice.h"
#include "compiler/memory/stages.h"
#include "dialect/ops/llm.h"

namespace llc::compiler {
using namespace mlir;

Result<std::optional<KernelChoice>> stateKernel(Operation *op, const KernelContext &context) {
  auto pack = dyn_cast<llm::PackOp>(op);
  if (!pack) return std::optional<KernelChoice>();
  auto source = cast<RankedTensorType>(pack.getW().getType()), packed = cast<RankedTensorType>(pack.getType());
  auto orientation = pack->getAttrOfType<BoolAttr>("llm.transposed");
  kernels::PackSpec spec;
  spec.transposed = !orientation || orientation.getValue();
  spec.n = source.getDimSize(spec.transposed ? 0 : 1), spec.k = source.getDimSize(spec.transposed ? 1 : 0);
  spec.source = *dtypeOf(source.getElementType()), spec.weights = *dtypeOf(packed.getElementType());
  return std::optional(KernelChoice{kernels::emitPack(context.emitter, spec), {pack.getW()}});
}

}  // namespace llc::compiler
