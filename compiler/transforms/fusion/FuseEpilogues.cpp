#include "compiler/lowering/epilogue.h"
#include "compiler/transforms/fusion/Passes.h"
#include "compiler/transforms/fusion/outline.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace llc::compiler {
#define GEN_PASS_DEF_FUSEEPILOGUES
#include "compiler/transforms/fusion/Passes.h.inc"

namespace {
using namespace mlir;

// A product that streams a packed weight, alone or with an epilogue already.
bool isProduct(Operation *op) {
  if (auto linear = dyn_cast<llm::LinearOp>(op)) {
    auto x = cast<RankedTensorType>(linear.getX().getType());
    return llm::isPacked(linear.getW().getType()) && x.getRank() == 2 && x.getElementType().isF32();
  }
  auto fused = dyn_cast<llm::FusedOp>(op);
  return fused && fused.getNumResults() == 1 && !fused.getBody().getOps<llm::LinearOp>().empty();
}

// The op that reads the product alone, element by element; null if there is none.
Operation *epilogueOf(Operation *product) {
  Value result = product->getResult(0);
  Operation *reader = nullptr;
  for (Operation *user : result.getUsers()) {
    if (reader && user != reader) return nullptr;
    reader = user;
  }
  if (!reader || reader->getBlock() != product->getBlock()) return nullptr;
  auto elementwise = asElementwise(reader);
  if (!elementwise) return nullptr;
  for (auto [i, operand] : llvm::enumerate(reader->getOperands()))
    if (operand == result && elementwise->reads[i] != readsMatrix) return nullptr;
  return reader;
}

struct FuseEpilogues final : impl::FuseEpiloguesBase<FuseEpilogues> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      for (Block &block : function.getBody()) {
        llvm::SmallVector<Operation *> products;
        for (Operation &op : block)
          if (isProduct(&op)) products.push_back(&op);
        for (Operation *product : products) extend(product);
      }
  }

  void extend(Operation *product) {
    llvm::SmallVector<Operation *> members = {product};
    while (Operation *next = epilogueOf(members.back())) members.push_back(next);
    // Two products that meet in one op: the first keeps it, the other stays a plain operand.
    if (members.size() > 1) outline(members);
  }
};
}  // namespace
}  // namespace llc::compiler
