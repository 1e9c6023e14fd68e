#include "compiler/lowering/kernel_choice.h"

#include "compiler/kernels/bf16_rows.h"
#include "compiler/lowering/row_program.h"
#include "compiler/memory/rounding.h"
#include "compiler/memory/stages.h"
#include "dialect/interfaces/interfaces.h"
#include "dialect/ops/llm.h"

namespace llc::compiler {
using namespace mlir;
namespace {

// The program with results in rows of bf16 as far as they are wanted so; they are added to `results`.
kernels::RowProgramSpec inBf16Rows(Operation *op, const KernelContext &context, kernels::RowProgramSpec spec,
                                   llvm::SmallVectorImpl<OpResult> &results) {
  for (OpResult result : op->getResults()) {
    if (!context.wantsBf16Rows(result)) continue;
    kernels::RowProgramSpec::Value &output = spec.outputs[result.getResultNumber()];
    output.inBf16Rows = true;
    for (index::Statement &statement : spec.statements)
      if (statement.name == output.name) statement.body = withoutRounding(statement.body);
    results.push_back(result);
  }
  return spec;
}

Result<KernelChoice> loopKernel(Operation *op, const KernelContext &context) {
  llvm::SmallVector<unsigned> operands;
  LLC_ASSIGN(kernels::RowProgramSpec spec, rowProgramOf(op, operands));
  KernelChoice choice;
  for (unsigned number : operands) choice.operands.push_back(op->getOperand(number));
  choice.rows = spec.rows;
  if (kernels::checkElementwise(spec).ok())
    choice.function = kernels::emitElementwise(context.emitter, spec);
  else if (kernels::checkColumnSums(spec).ok())
    choice.function = kernels::emitColumnSums(context.emitter, spec);
  else if (kernels::checkRowProgram(spec).ok())
    choice.function = kernels::emitRowProgram(context.emitter, inBf16Rows(op, context, spec, choice.bf16Rows));
  else
    choice.function = kernels::emitLoops(context.emitter, spec);
  return choice;
}

}  // namespace

bool KernelContext::hasBf16Rows(Value value) const { return bf16Rows.contains(memoryOf(value)); }
bool KernelContext::wantsBf16Rows(OpResult result) const {
  return kernels::bf16RowsFrom(emitter.target) > 0 && mayLieInBf16Rows(result);
}

bool needsDecomposition(Operation *op) {
  if (!isa<llm::Decomposable>(op) || isa<llm::FusedOp, llm::PagedAttentionOp, llm::CacheAppendOp, llm::PackOp>(op))
    return false;
  if (isa<llm::ParameterOp>(op) || stageKind(op) != StageKind::kernel) return false;
  if (isa<llm::RotaryOp>(op)) return !hasRotaryKernel(op);
  if (auto loss = dyn_cast<llm::LinearLogProbOp>(op)) return !llm::isPacked(loss.getW().getType());
  if (isa<llm::AttentionOp, llm::AttentionBackwardOp>(op)) return !hasDenseAttentionKernel(op);
  if (!llm::derive::hasProgram(op)) return true;
  // Several statements are one stage only where all of them work on the same row.
  auto statements = llm::derive::concreteStatements(op);
  return statements.ok() && statements->size() > 1 && !worksRowByRow(op);
}

Result<KernelChoice> chooseKernel(Operation *op, const KernelContext &context) {
  for (auto family : {headProductsStage, matmulKernel, denseProductKernel, attentionKernel, indexingKernel,
                      piecesKernel, scatterKernel, stateKernel}) {
    LLC_ASSIGN(std::optional<KernelChoice> choice, family(op, context));
    if (choice) return std::move(*choice);
  }
  return loopKernel(op, context);
}

}  // namespace llc::compiler
