#include "compiler/lowering/row_program.h"
#include "compiler/memory/stages.h"
#include "compiler/transforms/fusion/Passes.h"
#include "compiler/transforms/fusion/cost_model.h"
#include "compiler/transforms/fusion/decisions.h"
#include "compiler/transforms/fusion/outline.h"
#include "mlir/Analysis/TopologicalSortUtils.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace llc::compiler {
#define GEN_PASS_DEF_FUSEROWS
#include "compiler/transforms/fusion/Passes.h.inc"

namespace {
using namespace mlir;

class Clusters {
 public:
  explicit Clusters(Block &block) {
    for (Operation &op : block) {
      if (!joinsRows(&op).ok()) continue;
      members_.push_back({&op});
      clusterOf_[&op] = members_.size() - 1;
      for (Value operand : op.getOperands())
        if (Operation *maker = operand.getDefiningOp(); maker && clusterOf_.count(maker))
          tryMerge(clusterOf_[maker], clusterOf_[&op]);
    }
  }
  const std::vector<std::vector<Operation *>> &members() const { return members_; }

 private:
  // Joins cluster `from` into `into` unless something outside would come to stand both before and after the union.
  void tryMerge(size_t into, size_t from) {
    if (into == from) return;
    if (dynamicDimension(members_[into][0]->getResult(0)) != dynamicDimension(members_[from][0]->getResult(0))) return;
    llvm::SmallPtrSet<Operation *, 16> both(members_[into].begin(), members_[into].end());
    both.insert(members_[from].begin(), members_[from].end());
    llvm::SmallVector<Operation *> all(both.begin(), both.end());
    llvm::sort(all, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
    // With static shapes two ops may mean different rows.
    if (!dynamicDimension(all[0]->getResult(0)) && !workRowByRow(all)) return;
    if (!costOfRows(members_[into], members_[from]).pays() || leavesAndReturns(both)) return;
    for (Operation *op : members_[from]) {
      members_[into].push_back(op);
      clusterOf_[op] = into;
    }
    members_[from].clear();
    llvm::sort(members_[into], [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
  }

  // Is there a path from the set through an op outside (or through another cluster, whose ops will move together) back?
  bool leavesAndReturns(const llvm::SmallPtrSetImpl<Operation *> &set) {
    llvm::SmallPtrSet<Operation *, 32> seen;
    llvm::SmallVector<Operation *> work;
    auto visit = [&](Operation *op) {
      llvm::ArrayRef<Operation *> together = op;
      if (auto found = clusterOf_.find(op); found != clusterOf_.end() && !set.count(op))
        together = members_[found->second];
      for (Operation *member : together)
        if (seen.insert(member).second) work.push_back(member);
    };
    for (Operation *op : set)
      for (Operation *user : op->getUsers())
        if (!set.count(user)) visit(user);
    while (!work.empty()) {
      Operation *op = work.pop_back_val();
      for (Operation *user : op->getUsers()) {
        if (set.count(user)) return true;
        visit(user);
      }
    }
    return false;
  }

  std::vector<std::vector<Operation *>> members_;
  llvm::DenseMap<Operation *, size_t> clusterOf_;
};

struct FuseRows final : impl::FuseRowsBase<FuseRows> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      for (Block &block : function.getBody()) {
        Clusters clusters(block);
        for (const std::vector<Operation *> &members : clusters.members())
          if (members.size() > 1) outline(members);
        sortTopologically(&block);
      }
  }
};
}  // namespace
}  // namespace llc::compiler
