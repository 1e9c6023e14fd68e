#include "compiler/transforms/simplify/Passes.h"
#include "compiler/transforms/simplify/join_pads.h"
#include "dialect/ops/llm.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

namespace llc::compiler {
#define GEN_PASS_DEF_SIMPLIFY
#include "compiler/transforms/simplify/Passes.h.inc"

namespace {
using namespace mlir;

struct Simplify final : impl::SimplifyBase<Simplify> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>()) joinPads(function);
    OpPassManager functions(func::FuncOp::getOperationName());
    functions.addPass(createCanonicalizerPass());
    functions.addPass(createCSEPass());
    OpPassManager passes(ModuleOp::getOperationName());
    passes.nest<func::FuncOp>() = std::move(functions);
    if (failed(runPipeline(passes, getOperation()))) return signalPassFailure();
    while (removeUnused()) {
    }
  }

 private:
  // Returns whether something was removed: a function that goes may have been the last caller of another.
  bool removeUnused() {
    SymbolTableCollection tables;
    SymbolUserMap users(tables, getOperation());
    llvm::SmallVector<Operation *> unused;
    for (Operation &op : getOperation().getOps()) {
      auto function = dyn_cast<func::FuncOp>(op);
      bool removable = isa<llm::ParameterOp>(op) || (function && function.isPrivate());
      if (removable && users.useEmpty(&op)) unused.push_back(&op);
    }
    for (Operation *op : unused) op->erase();
    return !unused.empty();
  }
};
}  // namespace
}  // namespace llc::compiler
