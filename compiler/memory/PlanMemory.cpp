#include "compiler/memory/Passes.h"
#include "compiler/memory/frames.h"

namespace llc::compiler {
#define GEN_PASS_DEF_PLANMEMORY
#include "compiler/memory/Passes.h.inc"

namespace {
using namespace mlir;

void writePlaces(func::FuncOp function, const Frame &frame) {
  OpBuilder builder(function.getContext());
  llvm::MapVector<Operation *, llvm::SmallVector<int64_t>> offsets;
  for (auto [op, result, temporary] : frame.values) {
    int64_t offset = frame.plan.temporaries[temporary].offset;
    if (result < 0) {
      op->setAttr("llm.frame_offset", builder.getI64IntegerAttr(offset));
      continue;
    }
    auto &list = offsets[op];
    list.resize(op->getNumResults(), -1);
    list[result] = offset;
  }
  for (auto &[op, list] : offsets) op->setAttr("llm.offset", builder.getDenseI64ArrayAttr(list));
  function->setAttr("llm.frame", builder.getI64IntegerAttr(frame.plan.bytes));
}

struct PlanMemory final : impl::PlanMemoryBase<PlanMemory> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto fail = [&](const Error &error) {
      module.emitError(error.text());
      signalPassFailure();
    };
    auto bounds = boundsOf(module);
    if (!bounds.ok()) return fail(bounds.error());
    auto functions = compiledFunctions(module);
    if (!functions.ok()) return fail(functions.error());
    int64_t arena = 0;
    for (func::FuncOp function : *functions) {
      Frame frame = frameOf(function, *bounds);
      assignPlaces(frame.plan);
      writePlaces(function, frame);
      if (isEntry(function)) arena = std::max(arena, frame.plan.bytes);
    }
    module->setAttr("llm.arena", OpBuilder(module.getContext()).getI64IntegerAttr(arena));
  }
};
}  // namespace
}  // namespace llc::compiler
