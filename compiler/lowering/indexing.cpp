// Stages that read rows by number.
#include <cstddef>

#include "compiler/lowering/kernel_choice.h"
#include "compiler/memory/stages.h"
#include "dialect/ops/llm.h"

namespace llc::compiler {
using namespace mlir;

Result<std::optional<KernelChoice>> indexingKernel(Operation *op, const KernelContext &context) {
  if (!isa<llm::GatherRowsOp, llm::TakeOp>(op)) return std::optional<KernelChoice>();
  Value table = op->getOperand(0), ids = op->getOperand(1);
  auto type = cast<RankedTensorType>(table.getType());
  auto idsType = cast<RankedTensorType>(ids.getType());
  auto element = dtypeOf(type.getElementType());
  bool floats = element == DType::f32 || element == DType::bf16 || element == DType::f16;
  auto result = cast<RankedTensorType>(op->getResult(0).getType());
  if (!floats || !result.getElementType().isF32() || idsType.getRank() != 1 ||
      !idsType.getElementType().isInteger(32) || llm::isPacked(type))
    return std::optional<KernelChoice>();
  kernels::GatherRowsSpec spec;
  spec.width = 1;
  for (int64_t i = 1; i < type.getRank(); ++i) spec.width *= type.getDimSize(i);
  spec.type = *element;
  if (!type.isDynamicDim(0))
    spec.tableRows = type.getDimSize(0);
  else
    spec.rowsOffset = dynamicDimension(table) == LLC_DIM_ROWS ? offsetof(llc_batch, rows) : offsetof(llc_batch, tokens);
  return std::optional(KernelChoice{kernels::emitGatherRows(context.emitter, spec), {table, ids}});
}

}  // namespace llc::compiler
