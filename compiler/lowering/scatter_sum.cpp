#include "compiler/lowering/scatter_sum.h"

#include "compiler/lowering/epilogue.h"
#include "compiler/lowering/kernel_choice.h"
#include "compiler/lowering/row_program.h"
#include "dialect/interfaces/derive.h"

namespace llc::compiler {
using namespace mlir;

bool isScatter(Operation *op) {
  if (op->getNumResults() != 1 || !llm::derive::hasProgram(op)) return false;
  auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  if (!type || !type.hasStaticShape() || type.getRank() != 2 || !isPlainF32(type)) return false;
  auto statements = llm::derive::concreteStatements(op);
  return statements.ok() && statements->size() == 1 && statements->front().combiner == "sum" &&
         index::scatters(statements->front().output);
}

bool addsToScatter(Operation *scatter, Operation *reader) {
  return llm::derive::isSum(reader) && reader->getOperand(0) != reader->getOperand(1) &&
         llvm::is_contained(reader->getOperands(), scatter->getResult(0));
}

std::optional<ScatterSum> asScatterSum(Operation *stage) {
  auto fused = dyn_cast<llm::FusedOp>(stage);
  if (!fused || fused->getNumResults() != 1) return std::nullopt;
  Block &body = fused.getBody().front();
  if (!llvm::hasNItems(body, 3)) return std::nullopt;
  Operation *scatter = &body.front(), *sum = scatter->getNextNode();
  if (!isScatter(scatter) || !addsToScatter(scatter, sum)) return std::nullopt;
  Value other = sum->getOperand(sum->getOperand(0) == scatter->getResult(0) ? 1 : 0);
  auto argument = dyn_cast<BlockArgument>(other);
  if (!argument || llvm::is_contained(scatter->getOperands(), other)) return std::nullopt;
  return ScatterSum{scatter, argument.getArgNumber()};
}

Result<std::optional<KernelChoice>> scatterKernel(Operation *op, const KernelContext &context) {
  auto sum = asScatterSum(op);
  if (!sum) return std::optional<KernelChoice>();
  llvm::SmallVector<unsigned> operands;
  LLC_ASSIGN(kernels::RowProgramSpec spec, rowProgramOf(sum->scatter, operands));
  KernelChoice choice;
  for (unsigned number : operands) {
    auto inside = cast<BlockArgument>(sum->scatter->getOperand(number));
    choice.operands.push_back(op->getOperand(inside.getArgNumber()));
  }
  spec.start = "start";
  spec.inputs.push_back({spec.start, spec.outputs.front().shape});
  choice.operands.push_back(op->getOperand(sum->start));
  choice.rows = spec.rows;
  choice.function = kernels::emitLoops(context.emitter, spec);
  return std::optional(std::move(choice));
}

}  // namespace llc::compiler
