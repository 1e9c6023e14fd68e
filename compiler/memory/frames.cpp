#include "compiler/memory/frames.h"

#include "compiler/memory/in_place.h"
#include "dialect/ops/llm.h"

namespace llc::compiler {
using namespace mlir;
namespace {

// Depth-first over calls; `state` 1 while a function is being visited.
Status visit(func::FuncOp function, llvm::DenseMap<Operation *, int> &state, std::vector<func::FuncOp> &order) {
  int &mark = state[function];
  if (mark == 2) return success();
  if (mark == 1)
    return diagnose(ErrorKind::invalidInput, function.getName().str())
        .says("calls itself: memory of a recursive function can't be planned")
        .toFix("unroll the recursion in the model");
  mark = 1;
  for (auto call : function.getOps<func::CallOp>()) {
    func::FuncOp callee = calleeOf(call);
    if (callee && !callee.isExternal()) LLC_TRY(visit(callee, state, order));
  }
  state[function] = 2;
  order.push_back(function);
  return success();
}

bool returned(Value memory, func::FuncOp function) {
  for (Value value : function.front().getTerminator()->getOperands())
    if (memoryOf(value) == memory) return true;
  return false;
}

// The stage number of every op: groups count up at every barrier. What takes no time belongs to the group before it.
llvm::DenseMap<Operation *, int64_t> stageNumbers(func::FuncOp function) {
  llvm::DenseMap<Operation *, int64_t> numbers;
  int64_t now = 0;
  for (Operation &op : function.front()) {
    if (op.hasAttr("llm.barrier")) ++now;
    numbers[&op] = now;
  }
  return numbers;
}

int64_t offsetOf(Operation *op, int result) {
  auto offsets = op->getAttrOfType<DenseI64ArrayAttr>("llm.offset");
  return offsets && result < offsets.size() ? offsets[result] : 0;
}
// Finds the temporaries of one function.
class FrameBuilder {
 public:
  FrameBuilder(func::FuncOp function, const Bounds &bounds)
      : function_(function), bounds_(bounds), numbers_(stageNumbers(function)) {
    for (Operation &op : function_.front())
      if (op.hasAttr(replicatedAttribute)) replicated_.insert(numbers_[&op]);
  }

  Frame build() {
    frame_.plan.function = function_.getName().str();
    for (Operation &op : function_.front())
      for (Value operand : op.getOperands()) {
        int64_t &last = lastUse_[memoryOf(operand)];
        last = std::max(last, lastReading(&op));
      }
    for (Operation &op : function_.front()) {
      StageKind kind = stageKind(&op);
      if (kind != StageKind::kernel && kind != StageKind::call) continue;
      for (OpResult result : op.getResults())
        if (isa<RankedTensorType>(result.getType()) && !returned(result, function_)) addResult(result);
      if (auto call = dyn_cast<func::CallOp>(op)) addCalleeFrame(call);
      if (kind == StageKind::kernel) addUnnamed(&op, "workspace of " + modelName(&op), workspaceBytes(&op, bounds_));
    }
    return std::move(frame_);
  }

 private:
  // The last group during which the op may read its operands: no barrier need stand behind replicated ones.
  int64_t lastReading(Operation *op) {
    int64_t number = numbers_[op];
    while (replicated_.contains(number)) ++number;
    return number;
  }

  void addResult(OpResult result) {
    Operation *op = result.getOwner();
    int number = static_cast<int>(result.getResultNumber());
    int64_t last = std::max(numbers_[op], lastUse_.lookup(result));
    if (auto shared = overwritten(result)) {
      Temporary &temporary = frame_.plan.temporaries[*shared];
      temporary.last = std::max(temporary.last, last);
      temporary.name += ", " + modelName(op);
      temporaryOf_[result] = *shared;
      frame_.values.push_back({op, number, *shared});
      return;
    }
    std::string name = modelName(op) + (op->getNumResults() > 1 ? ":" + std::to_string(number) : "");
    temporaryOf_[result] = frame_.plan.temporaries.size();
    frame_.values.push_back({op, number, frame_.plan.temporaries.size()});
    frame_.plan.temporaries.push_back(
        {std::move(name), boundedBytes(result, bounds_), numbers_[op], last, offsetOf(op, number)});
  }

  // The temporary of an operand that is read here for the last time and may be written over.
  std::optional<size_t> overwritten(OpResult result) {
    Operation *op = result.getOwner();
    if (stageKind(op) != StageKind::kernel) return std::nullopt;
    for (OpOperand &operand : op->getOpOperands()) {
      auto found = temporaryOf_.find(memoryOf(operand.get()));
      if (found == temporaryOf_.end() || !mayOverwrite(operand, result.getResultNumber())) continue;
      // No other stage of this group or later may read it, and its temporary must hold nothing newer.
      if (llvm::any_of(op->getResults(), [&](OpResult other) {
            auto place = temporaryOf_.find(other);
            return place != temporaryOf_.end() && place->second == found->second;
          }))
        continue;
      if (frame_.plan.temporaries[found->second].last == lastReading(op) && readOnlyBy(op, found->second))
        return found->second;
    }
    return std::nullopt;
  }
  // Among the stages that may run while op does, does op alone read the temporary?
  bool readOnlyBy(Operation *op, size_t temporary) {
    auto reads = [&](Value operand) {
      auto found = temporaryOf_.find(memoryOf(operand));
      return found != temporaryOf_.end() && found->second == temporary;
    };
    for (Operation &other : function_.front()) {
      bool meets = numbers_[&other] <= lastReading(op) && lastReading(&other) >= numbers_[op];
      if (&other == op || !meets || stageKind(&other) == StageKind::alias) continue;
      if (llvm::any_of(other.getOperands(), reads)) return false;
    }
    return llvm::count_if(op->getOperands(), reads) == 1;
  }

  void addCalleeFrame(func::CallOp call) {
    func::FuncOp callee = calleeOf(call);
    auto size = callee ? callee->getAttrOfType<IntegerAttr>("llm.frame") : IntegerAttr();
    if (size) addUnnamed(call, "frame of @" + call.getCallee().str(), size.getInt());
  }
  // Memory that no value stands for, while `op` runs.
  void addUnnamed(Operation *op, std::string name, int64_t bytes) {
    if (bytes == 0) return;
    auto place = op->getAttrOfType<IntegerAttr>("llm.frame_offset");
    frame_.values.push_back({op, -1, frame_.plan.temporaries.size()});
    frame_.plan.temporaries.push_back({std::move(name), bytes, numbers_[op], numbers_[op], place ? place.getInt() : 0});
  }

  func::FuncOp function_;
  const Bounds &bounds_;
  llvm::DenseMap<Operation *, int64_t> numbers_;
  llvm::DenseSet<int64_t> replicated_;      // groups
  llvm::DenseMap<Value, int64_t> lastUse_;  // of each memory, through its aliases
  llvm::DenseMap<Value, size_t> temporaryOf_;
  Frame frame_;
};
}  // namespace

Result<std::vector<func::FuncOp>> compiledFunctions(ModuleOp module) {
  std::vector<func::FuncOp> order;
  llvm::DenseMap<Operation *, int> state;
  for (auto function : module.getOps<func::FuncOp>())
    if (!function.isExternal() && function.getName() != prepareFunctionName) LLC_TRY(visit(function, state, order));
  return order;
}

Frame frameOf(func::FuncOp function, const Bounds &bounds) { return FrameBuilder(function, bounds).build(); }

Result<std::vector<FramePlan>> describeMemory(ModuleOp module) {
  LLC_ASSIGN(Bounds bounds, boundsOf(module));
  LLC_ASSIGN(std::vector<func::FuncOp> functions, compiledFunctions(module));
  std::vector<FramePlan> plans;
  for (func::FuncOp function : functions) {
    FramePlan plan = frameOf(function, bounds).plan;
    FramePlan fresh = plan;
    assignPlaces(fresh);  // for the bounds only: the places are those of the module
    plan.lowerBound = fresh.lowerBound, plan.withoutReuse = fresh.withoutReuse;
    if (auto size = function->getAttrOfType<IntegerAttr>("llm.frame")) plan.bytes = size.getInt();
    if (!isSound(plan))
      return diagnose(ErrorKind::invalidInput, function.getName().str())
          .says("the places in llm.offset overlap or leave the frame of llm.frame")
          .toFix("run llm-plan-memory again: --start-at=fused");
    plans.push_back(std::move(plan));
  }
  return plans;
}

}  // namespace llc::compiler
