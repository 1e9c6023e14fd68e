#include "compiler/memory/overwrites.h"

#include "compiler/memory/in_place.h"
#include "compiler/memory/stages.h"
#include "compiler/transforms/training/Passes.h"
#include "dialect/ops/llm.h"

namespace llc::compiler {
using namespace mlir;
namespace {
constexpr const char *overwrittenBy = "llm.overwritten_by";

void collectReaders(Value value, std::vector<Operation *> &readers) {
  for (Operation *user : value.getUsers()) {
    if (stageKind(user) == StageKind::alias)
      collectReaders(user->getResult(0), readers);
    else if (stageKind(user) != StageKind::none && !llvm::is_contained(readers, user))
      readers.push_back(user);
  }
}

// A call may write its result over an operand if its function does so by itself. Marks the function where it is free.
bool callWritesOver(func::CallOp call, unsigned result, const std::vector<Value> &old) {
  std::optional<unsigned> argument;
  for (OpOperand &operand : call->getOpOperands()) {
    if (!llvm::is_contained(old, memoryOf(operand.get()))) continue;
    if (argument) return false;
    argument = operand.getOperandNumber();
  }
  if (!argument) return true;  // a memory of its own, as far as the function knows
  func::FuncOp callee = calleeOf(call);
  if (callee.getArgumentTypes()[*argument] != callee.getResultTypes()[result]) return false;
  auto mark = IntegerAttr::get(IntegerType::get(call.getContext(), 64), result);
  Attribute known = callee.getArgAttr(*argument, overwrittenBy);
  if (!known) callee.setArgAttr(*argument, overwrittenBy, mark);
  return !known || known == mark;
}

// Is everything else read before the stage that makes the result, and is that stage made for it?
bool isSafe(func::FuncOp function, const Overwrite &overwrite) {
  Operation *end = function.front().getTerminator();
  Value value = memoryOf(end->getOperand(overwrite.result));
  Operation *writer = value.getDefiningOp();
  // It can lie in one place only.
  bool onlyOnce = llvm::count_if(end->getOperands(), [&](Value other) { return memoryOf(other) == value; }) == 1;
  if (!writer || !onlyOnce) return false;
  StageKind kind = stageKind(writer);
  if (kind != StageKind::kernel && kind != StageKind::call) return false;
  for (Operation *reader : readersOf(overwrite.old))
    if (reader != writer && !reader->isBeforeInBlock(writer)) return false;
  unsigned result = cast<OpResult>(value).getResultNumber();
  if (auto call = dyn_cast<func::CallOp>(writer)) return callWritesOver(call, result, overwrite.old);
  return llvm::all_of(overwrite.old, [&](Value old) { return mayWriteOver(writer, result, old); });
}

void resolve(func::FuncOp function) {
  for (const Overwrite &overwrite : overwritesOf(function)) {
    if (isSafe(function, overwrite)) continue;
    OpOperand &operand = function.front().getTerminator()->getOpOperand(overwrite.result);
    OpBuilder builder(operand.getOwner());
    operand.set(copyOf(builder, operand.get()));
  }
}
}  // namespace

StringAttr updatedParameter(func::FuncOp entry, unsigned result) {
  return entry.getResultAttrOfType<StringAttr>(result, updatesAttribute);
}

std::vector<Overwrite> overwritesOf(func::FuncOp function) {
  std::vector<Overwrite> overwrites;
  llvm::DenseMap<Attribute, std::vector<Value>> uses;
  for (auto use : function.getOps<llm::UseOp>()) uses[use.getNameAttr().getAttr()].push_back(use.getValue());
  for (unsigned i = 0; i < function.getNumResults(); ++i)
    if (StringAttr name = updatedParameter(function, i)) overwrites.push_back({i, uses.lookup(name)});
  for (BlockArgument argument : function.getArguments())
    if (auto result = function.getArgAttrOfType<IntegerAttr>(argument.getArgNumber(), overwrittenBy))
      overwrites.push_back({static_cast<unsigned>(result.getInt()), {argument}});
  return overwrites;
}

std::vector<Operation *> readersOf(const std::vector<Value> &old) {
  std::vector<Operation *> readers;
  for (Value value : old) collectReaders(value, readers);
  return readers;
}

void resolveOverwrites(ModuleOp module) {
  // Entries first, then what they call: marks travel downwards.
  std::vector<func::FuncOp> work;
  for (auto function : module.getOps<func::FuncOp>())
    if (!function.isExternal() && isEntry(function)) work.push_back(function);
  llvm::DenseSet<Operation *> seen;
  for (size_t i = 0; i < work.size(); ++i) {
    func::FuncOp function = work[i];
    resolve(function);
    for (auto call : function.getOps<func::CallOp>())
      if (func::FuncOp callee = calleeOf(call); callee && !callee.isExternal() && seen.insert(callee).second)
        work.push_back(callee);
  }
}

}  // namespace llc::compiler
