#include "compiler/transforms/simplify/join_pads.h"

#include "dialect/interfaces/derive.h"
#include "dialect/ops/llm.h"

namespace llc::compiler {
using namespace mlir;
namespace {

// The paddings that `value` is the sum of. False: it is made of something else, too.
bool collectPads(Value value, SmallVectorImpl<llm::PadOp> &pads) {
  Operation *op = value.getDefiningOp();
  if (!op) return false;
  if (auto pad = dyn_cast<llm::PadOp>(op)) return pads.push_back(pad), true;
  if (!llm::derive::isSum(op)) return false;
  return llvm::all_of(op->getOperands(), [&](Value part) { return part.hasOneUse() && collectPads(part, pads); });
}

// One after the other along one dimension, from its beginning to its end.
bool lieInLine(ArrayRef<llm::PadOp> pads) {
  llm::PadOp first = pads.front(), last = pads.back();
  int64_t at = 0;
  for (llm::PadOp pad : pads) {
    if (pad.getDim() != first.getDim() || int64_t(pad.getLow()) != at) return false;
    at += cast<RankedTensorType>(pad.getX().getType()).getDimSize(int64_t(pad.getDim()));
  }
  return last.getHigh() == 0;
}
}  // namespace

void joinPads(func::FuncOp function) {
  bool hasPads = function.walk([](llm::PadOp) { return WalkResult::interrupt(); }).wasInterrupted();
  if (!hasPads) return;
  SmallVector<Operation *> sums;
  function.walk([&](Operation *op) {
    if (llm::derive::isSum(op)) sums.push_back(op);
  });
  // The last sum of a chain first: the others have no readers then.
  for (Operation *sum : llvm::reverse(sums)) {
    SmallVector<llm::PadOp> pads;
    if (sum->use_empty() || !collectPads(sum->getResult(0), pads)) continue;
    llvm::sort(pads, [](llm::PadOp a, llm::PadOp b) { return a.getLow() < b.getLow(); });
    if (!lieInLine(pads)) continue;
    SmallVector<Value> parts;
    for (llm::PadOp pad : pads) parts.push_back(pad.getX());
    OpBuilder builder(sum);
    Value joined = builder.create<llm::ConcatOp>(sum->getLoc(), parts, pads.front().getDim());
    if (joined.getType() == sum->getResult(0).getType()) sum->getResult(0).replaceAllUsesWith(joined);
  }
}

}  // namespace llc::compiler
