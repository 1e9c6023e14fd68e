#include "compiler/memory/Passes.h"
#include "compiler/memory/overwrites.h"
#include "compiler/memory/stages.h"
#include "compiler/transforms/fusion/decisions.h"
#include "dialect/ops/llm.h"

namespace llc::compiler {
#define GEN_PASS_DEF_ORDERSTAGES
#include "compiler/memory/Passes.h.inc"

namespace {
using namespace mlir;

// A stage writes each result of a function straight to where the caller wants it. That fails for what no stage of the
// function makes, and for a value returned twice: such results become copies.
void copySharedResults(func::FuncOp function) {
  Operation *end = function.front().getTerminator();
  llvm::SmallPtrSet<void *, 8> taken;
  for (OpOperand &operand : end->getOpOperands()) {
    if (!isa<RankedTensorType>(operand.get().getType())) continue;
    Value root = memoryOf(operand.get());
    bool made = root.getDefiningOp() && stageKind(root.getDefiningOp()) != StageKind::none;
    if (made && taken.insert(root.getAsOpaquePointer()).second) continue;
    OpBuilder builder(end);
    operand.set(copyOf(builder, operand.get()));
  }
}

class Levels {
 public:
  explicit Levels(func::FuncOp function) {
    Operation *end = function.front().getTerminator();
    for (const Overwrite &overwrite : overwritesOf(function))
      if (Operation *writer = memoryOf(end->getOperand(overwrite.result)).getDefiningOp())
        llvm::append_range(before_[writer], readersOf(overwrite.old));
  }

  bool overwrites(Operation *op) const { return before_.contains(op); }

  // Level of the group that an op belongs to: 0 for what takes no time, from 1 on for stages.
  int64_t levelOf(Operation &op) {
    int64_t level = 0;
    for (Value operand : op.getOperands())
      if (Operation *maker = operand.getDefiningOp()) level = std::max(level, levels_[maker]);
    StageKind kind = stageKind(&op);
    if (kind == StageKind::kernel || kind == StageKind::call) {
      level = std::max({level, afterCacheUsers(op), afterReaders(op)}) + 1;
      for (Value operand : op.getOperands())
        if (isa<llm::KvType>(operand.getType())) {
          int64_t &latest = cacheLevel_[memoryOf(operand)];
          latest = std::max(latest, level);
        }
    }
    return levels_[&op] = level;
  }

 private:
  // An append to a cache waits for every earlier stage that touches the same cache; readers wait by data flow. A callee
  // may append, so calls count as appends.
  int64_t afterCacheUsers(Operation &op) {
    int64_t level = 0;
    if (appendsToCache(&op) || isa<func::CallOp>(op))
      for (Value operand : op.getOperands())
        if (isa<llm::KvType>(operand.getType())) level = std::max(level, cacheLevel_[memoryOf(operand)]);
    return level;
  }
  // What is written over is read before by every other stage.
  int64_t afterReaders(Operation &op) {
    int64_t level = 0;
    for (Operation *reader : before_.lookup(&op))
      if (reader != &op) level = std::max(level, levels_[reader]);
    return level;
  }

  llvm::DenseMap<Operation *, llvm::SmallVector<Operation *>> before_;
  llvm::DenseMap<Operation *, int64_t> levels_;
  llvm::DenseMap<Value, int64_t> cacheLevel_;
};

// Calls run one after the other. First those that write over parameters: with them gradients end, while others, like
// the backward pass of the next layer, make more.
int64_t rankWithinLevel(StageKind kind, bool overwrites) {
  switch (kind) {
    case StageKind::none:
      return 0;
    case StageKind::kernel:
      return 1;
    case StageKind::call:
      return overwrites ? 2 : 3;
    case StageKind::alias:
      return 4;
  }
  return 0;
}

void order(func::FuncOp function) {
  struct Item {
    int64_t level, rank;
    Operation *op;
  };
  std::vector<Item> items;
  Levels levels(function);
  for (Operation &op : function.front().without_terminator()) {
    StageKind kind = stageKind(&op);
    int64_t level = levels.levelOf(op);
    items.push_back({level, rankWithinLevel(kind, levels.overwrites(&op)), &op});
  }
  std::stable_sort(items.begin(), items.end(),
                   [](const Item &a, const Item &b) { return std::tie(a.level, a.rank) < std::tie(b.level, b.rank); });
  Operation *end = function.front().getTerminator();
  int64_t openLevel = -1;  // level of the group that is open; -1: none
  bool first = true;
  for (const Item &item : items) {
    item.op->moveBefore(end);
    item.op->removeAttr("llm.barrier");
    StageKind kind = stageKind(item.op);
    if (kind != StageKind::kernel && kind != StageKind::call) continue;
    bool joins = kind == StageKind::kernel && openLevel == item.level;
    if (!joins && !first) item.op->setAttr("llm.barrier", UnitAttr::get(function.getContext()));
    openLevel = kind == StageKind::kernel ? item.level : -1;
    first = false;
  }
}

bool worksOnRows(Operation *op) {
  auto fused = dyn_cast<llm::FusedOp>(op);
  if (!fused) return joinsRows(op).ok();
  return llvm::all_of(fused.getBody().front().without_terminator(),
                      [](Operation &inner) { return joinsRows(&inner).ok(); });
}

// A group of one row program whose results the next group alone reads: for so few rows that they are one chunk, every
// thread may as well compute them itself instead of waiting for the one that does.
void markReplicated(func::FuncOp function) {
  llvm::DenseMap<Operation *, int64_t> group;
  std::map<int64_t, llvm::SmallVector<Operation *>> stages;
  int64_t now = 0;
  for (Operation &op : function.front()) {
    op.removeAttr(replicatedAttribute);
    if (op.hasAttr("llm.barrier")) ++now;
    group[&op] = now;
    StageKind kind = stageKind(&op);
    if (kind == StageKind::kernel || kind == StageKind::call) stages[now].push_back(&op);
  }
  std::function<bool(Value, int64_t)> readOnlyIn = [&](Value value, int64_t number) {
    return llvm::all_of(value.getUsers(), [&](Operation *reader) {
      StageKind kind = stageKind(reader);
      if (kind == StageKind::alias) return readOnlyIn(reader->getResult(0), number);
      return kind == StageKind::kernel && group[reader] == number;
    });
  };
  for (auto &[number, ops] : stages) {
    Operation *op = ops.front();
    if (ops.size() != 1 || stageKind(op) != StageKind::kernel || !worksOnRows(op)) continue;
    if (!dynamicDimension(op->getResult(0))) continue;  // a static number of rows is no few
    if (llvm::all_of(op->getResults(), [&](Value result) { return readOnlyIn(result, number + 1); }))
      op->setAttr(replicatedAttribute, UnitAttr::get(function.getContext()));
  }
}

struct OrderStages final : impl::OrderStagesBase<OrderStages> {
  void runOnOperation() override {
    resolveOverwrites(getOperation());
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (function.isExternal() || function.getName() == prepareFunctionName) continue;
      copySharedResults(function);
      order(function);
      if (!isPrepare(function)) markReplicated(function);
    }
  }
};
}  // namespace
}  // namespace llc::compiler
