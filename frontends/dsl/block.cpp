// Blocks: functions that are traced where they are called, and kept once.
#include "frontends/dsl/program.h"
#include "mlir/IR/OperationSupport.h"

namespace llc::dsl {
namespace {
using mlir::func::FuncOp;

// Traces the body into a function that stands outside of the module until it turns out whether it is new.
mlir::OwningOpRef<FuncOp> traceBody(ProgramState &state, Frame &frame, llvm::StringRef name,
                                    const std::vector<Value> &arguments, const TraceBody &body) {
  mlir::Location location = mlir::NameLoc::get(mlir::StringAttr::get(&state.context, name));
  mlir::OwningOpRef<FuncOp> function = FuncOp::create(location, name, mlir::FunctionType::get(&state.context, {}, {}));
  frame.function = *function;
  frame.function.setPrivate();
  frame.builder = mlir::OpBuilder::atBlockEnd(frame.function.addEntryBlock());
  state.frame = &frame;
  try {
    std::vector<Value> inner;
    for (Value argument : arguments) inner.push_back(argument ? wrap<Value>(state.resolve(unwrap(argument))) : Value());
    finishFunction(state, frame, body(inner));
  } catch (...) {
    state.frame = frame.outer;
    throw;
  }
  state.frame = frame.outer;
  return function;
}

bool equal(FuncOp one, FuncOp other) {
  return one.getFunctionType() == other.getFunctionType() && one.getArgAttrsAttr() == other.getArgAttrsAttr() &&
         mlir::OperationEquivalence::isRegionEquivalentTo(&one.getBody(), &other.getBody(),
                                                          mlir::OperationEquivalence::IgnoreLocations);
}

// The function of the module that is equal to `traced`; there is one afterwards.
FuncOp keepOne(ProgramState &state, const std::string &name, mlir::OwningOpRef<FuncOp> traced) {
  std::vector<FuncOp> &known = state.blocks[name];
  for (FuncOp candidate : known)
    if (equal(candidate, *traced)) return candidate;
  FuncOp function = traced.release();
  if (!known.empty()) function.setName(name + "_" + std::to_string(known.size() + 1));
  // Before the entries, behind the parameters and the blocks that exist already.
  mlir::Block *module = state.module->getBody();
  auto entry = llvm::find_if(*module, [](mlir::Operation &op) {
    auto other = mlir::dyn_cast<FuncOp>(op);
    return other && !other.isPrivate();
  });
  module->getOperations().insert(entry, function);
  known.push_back(function);
  return function;
}
}  // namespace

Tensors traceBlock(std::string_view name, const std::vector<Value> &arguments, const TraceBody &body) {
  ProgramState &state = currentState();
  mlir::Location location = state.location();
  Frame frame{.outer = state.frame, .builder = mlir::OpBuilder(&state.context), .firstScope = state.scopes.size()};
  FuncOp callee = keepOne(state, std::string(name), traceBody(state, frame, name, arguments, body));
  std::vector<mlir::Value> operands;
  std::string dimension;
  for (mlir::Value value : frame.captured) {
    operands.push_back(state.resolve(value));
    if (std::string found = state.frame->dimensions.lookup(operands.back()); !found.empty()) dimension = found;
  }
  auto call = state.frame->builder.create<mlir::func::CallOp>(location, callee, operands);
  Tensors results;
  for (mlir::Value result : call.getResults()) {
    auto type = mlir::cast<mlir::RankedTensorType>(result.getType());
    if (!dimension.empty() && !type.hasStaticShape()) state.frame->dimensions[result] = dimension;
    results.push_back(wrap<Tensor>(result));
  }
  return results;
}

}  // namespace llc::dsl
