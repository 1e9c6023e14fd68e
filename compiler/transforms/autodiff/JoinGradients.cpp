#include "compiler/transforms/autodiff/Passes.h"
#include "dialect/ops/llm.h"
#include "mlir/Analysis/TopologicalSortUtils.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace llc::compiler {
#define GEN_PASS_DEF_JOINGRADIENTS
#include "compiler/transforms/autodiff/Passes.h.inc"

namespace {
using namespace mlir;

bool dependsOn(ValueRange values, Operation *on) {
  llvm::SmallPtrSet<Operation *, 32> seen;
  llvm::SmallVector<Value> work(values);
  while (!work.empty()) {
    Operation *maker = work.pop_back_val().getDefiningOp();
    if (maker == on) return true;
    if (maker && seen.insert(maker).second) llvm::append_range(work, maker->getOperands());
  }
  return false;
}

// ---- of log-probabilities
bool isGradientOf(llm::LinearLogProbBackwardOp backward, llm::LinearLogProbOp forward) {
  return forward->getOperands() == backward->getOperands().take_front(3) &&
         forward.getSoftCapAttr() == backward.getSoftCapAttr() && forward.getScaleAttr() == backward.getScaleAttr() &&
         forward.getTransposedAttr() == backward.getTransposedAttr();
}
SmallVector<Value> resultsOnceMore(llm::LinearLogProbBackwardOp backward, llm::LinearLogProbOp) {
  return {backward.getY()};
}

// ---- of rows
// Values of which the first `count` are of rows: of both kinds as many as `fewer` has.
SmallVector<Value> firstOfBoth(ValueRange values, int64_t count, ValueRange fewer, int64_t fewerCount) {
  SmallVector<Value> chosen;
  int64_t others = int64_t(fewer.size()) - fewerCount;
  if (fewerCount > count || others > int64_t(values.size()) - count) return chosen;
  llvm::append_range(chosen, values.take_front(size_t(fewerCount)));
  llvm::append_range(chosen, values.drop_front(size_t(count)).take_front(size_t(others)));
  return chosen;
}

// True if the gradient's region begins with the ops of the other one and yields their values.
bool beginsWith(llm::ByRowsOp backward, llm::ByRowsOp forward) {
  Block &longer = backward.getBody().front(), &shorter = forward.getBody().front();
  DenseMap<Value, Value> same;
  auto note = [&](Value one, Value other) { same[one] = other; };
  auto areSame = [&](Value one, Value other) { return mlir::success(same.lookup(one) == other); };
  SmallVector<Value> arguments = firstOfBoth(longer.getArguments(), int64_t(backward.getTiled()),
                                             shorter.getArguments(), int64_t(forward.getTiled()));
  for (auto [one, other] : llvm::zip(shorter.getArguments(), arguments)) note(one, other);
  auto place = longer.begin();
  for (Operation &op : shorter.without_terminator()) {
    if (place == longer.end() ||
        !OperationEquivalence::isEquivalentTo(&op, &*place, areSame, note, OperationEquivalence::IgnoreLocations))
      return false;
    ++place;
  }
  ValueRange yields = shorter.getTerminator()->getOperands();
  SmallVector<Value> yielded = firstOfBoth(longer.getTerminator()->getOperands(), int64_t(backward.getRowResults()),
                                           yields, int64_t(forward.getRowResults()));
  return yielded.size() == yields.size() && llvm::all_of(llvm::zip(yields, yielded), [&](auto pair) {
           return same.lookup(std::get<0>(pair)) == std::get<1>(pair);
         });
}

bool isGradientOf(llm::ByRowsOp backward, llm::ByRowsOp forward) {
  if (backward == forward || backward.tileRows() != forward.tileRows()) return false;
  ValueRange own = forward.getInputs();
  SmallVector<Value> inputs =
      firstOfBoth(backward.getInputs(), int64_t(backward.getTiled()), own, int64_t(forward.getTiled()));
  return llvm::equal(inputs, own) && beginsWith(backward, forward);
}
SmallVector<Value> resultsOnceMore(llm::ByRowsOp backward, llm::ByRowsOp forward) {
  return firstOfBoth(backward.getOutputs(), int64_t(backward.getRowResults()), forward.getOutputs(),
                     int64_t(forward.getRowResults()));
}

// The op in the same block that `backward` is the gradient of; null if there is none.
template <class Forward, class Backward>
Forward forwardOf(Backward backward) {
  for (Operation *user : backward->getOperand(0).getUsers()) {
    auto forward = dyn_cast<Forward>(user);
    if (forward && forward->getBlock() == backward->getBlock() && isGradientOf(backward, forward)) return forward;
  }
  return {};
}

template <class Forward, class Backward>
void join(ModuleOp module) {
  SmallVector<Backward> candidates;
  module.walk([&](Backward backward) { candidates.push_back(backward); });
  llvm::SmallPtrSet<Operation *, 4> gone;
  for (Backward backward : candidates) {
    if (gone.contains(backward)) continue;
    auto forward = forwardOf<Forward>(backward);
    if (!forward || dependsOn(backward->getOperands(), forward)) continue;
    Block *block = forward->getBlock();
    forward->replaceAllUsesWith(resultsOnceMore(backward, forward));
    gone.insert(forward);
    forward->erase();
    sortTopologically(block);  // what reads the results stood before
  }
}

struct JoinGradients final : impl::JoinGradientsBase<JoinGradients> {
  void runOnOperation() override {
    join<llm::LinearLogProbOp, llm::LinearLogProbBackwardOp>(getOperation());
    join<llm::ByRowsOp, llm::ByRowsOp>(getOperation());
  }
};
}  // namespace
}  // namespace llc::compiler
