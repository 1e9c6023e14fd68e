#include "compiler/memory/frames.h"

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
  auto module = function->getParentOfType<ModuleOp>();
  for (auto call : function.getOps<func::CallOp>()) {
    auto callee = module.lookupSymbol<func::FuncOp>(call.getCallee());
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
}  // namespace

Result<std::vector<func::FuncOp>> compiledFunctions(ModuleOp module) {
  std::vector<func::FuncOp> order;
  llvm::DenseMap<Operation *, int> state;
  for (auto function : module.getOps<func::FuncOp>())
    if (!function.isExternal() && function.getName() != prepareFunctionName) LLC_TRY(visit(function, state, order));
  return order;
}

Frame frameOf(func::FuncOp function, const Bounds &bounds) {
  Frame frame;
  frame.plan.function = function.getName().str();
  auto numbers = stageNumbers(function);
  // Last use of each memory, through its aliases.
  llvm::DenseMap<Value, int64_t> lastUse;
  for (Operation &op : function.front())
    for (Value operand : op.getOperands()) {
      int64_t &last = lastUse[memoryOf(operand)];
      last = std::max(last, numbers[&op]);
    }
  auto module = function->getParentOfType<ModuleOp>();
  auto add = [&](Operation *op, int result, std::string name, int64_t bytes, int64_t last, int64_t offset) {
    frame.plan.temporaries.push_back({std::move(name), bytes, numbers[op], last, offset});
    frame.values.push_back({op, result});
  };
  for (Operation &op : function.front()) {
    StageKind kind = stageKind(&op);
    if (kind != StageKind::kernel && kind != StageKind::call) continue;
    for (OpResult result : op.getResults()) {
      if (!isa<RankedTensorType>(result.getType()) || returned(result, function)) continue;
      int number = static_cast<int>(result.getResultNumber());
      std::string name = modelName(&op) + (op.getNumResults() > 1 ? ":" + std::to_string(number) : "");
      add(&op, number, std::move(name), boundedBytes(result, bounds), std::max(numbers[&op], lastUse.lookup(result)), offsetOf(&op, number));
    }
    auto call = dyn_cast<func::CallOp>(op);
    if (!call) continue;
    auto callee = module.lookupSymbol<func::FuncOp>(call.getCallee());
    auto size = callee ? callee->getAttrOfType<IntegerAttr>("llm.frame") : IntegerAttr();
    auto place = op.getAttrOfType<IntegerAttr>("llm.frame_offset");
    if (size && size.getInt() > 0)
      add(&op, -1, "frame of @" + call.getCallee().str(), size.getInt(), numbers[&op], place ? place.getInt() : 0);
  }
  return frame;
}

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
