#include "compiler/transforms/autodiff/tape.h"

#include "dialect/interfaces/interfaces.h"
#include "mlir/Interfaces/CallInterfaces.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace llc::compiler {
using namespace mlir;
using llm::Differentiable;
namespace derive = llm::derive;

Tape::Tape(Derivatives &derivatives, func::FuncOp source, Block *block, const Saving *saving)
    : derivatives_(derivatives),
      source_(source),
      block_(block),
      saving_(saving),
      builder_(OpBuilder::atBlockEnd(block)) {}

LogicalResult Tape::forward(const std::vector<bool> &active, bool mayReadParameters) {
  if (!source_.getBody().hasOneBlock())
    return source_.emitError("has control flow, which has no derivative; to fix: keep one block per function");
  IRMapping mapping;
  for (BlockArgument argument : source_.getArguments()) {
    BlockArgument copy = block_->getArgument(argument.getArgNumber());
    mapping.map(argument, copy);
    if (active[argument.getArgNumber()]) active_.insert(copy);
  }
  Operation *terminator = source_.getBody().front().getTerminator();
  for (Operation &op : source_.getBody().front().without_terminator()) {
    bool reached = llvm::any_of(op.getOperands(), [&](Value value) { return isActive(mapping.lookup(value)); });
    if (auto call = dyn_cast<CallOpInterface>(op); call && reached) {
      if (failed(cloneCall(call, mapping))) return failure();
      continue;
    }
    Operation *copy = builder_.clone(op, mapping);
    auto differentiable = dyn_cast<Differentiable>(copy);
    FlatSymbolRefAttr parameter = differentiable ? differentiable.readParameter() : FlatSymbolRefAttr();
    if (parameter && failed(noteParameter(copy, parameter.getAttr(), mayReadParameters))) return failure();
    if (!reached) continue;
    for (Value result : copy->getResults())
      if (derive::isFloat(result.getType())) active_.insert(result);
    steps_.push_back({copy, nullptr});
  }
  if (!terminator->hasTrait<OpTrait::ReturnLike>())
    return terminator->emitOpError("ends a function that is to be differentiated; to fix: end it with a return");
  for (Value value : terminator->getOperands()) results_.push_back(mapping.lookup(value));
  lastForward_ = block_->empty() ? nullptr : &block_->back();
  return mlir::success();
}

LogicalResult Tape::noteParameter(Operation *op, StringAttr name, bool allowed) {
  Value value = op->getResult(0);
  if (!derive::isFloat(value.getType()) || derivatives_.isFrozen(name)) return mlir::success();
  if (!allowed)
    return op->emitOpError(
        "reads a parameter in a function that is called, so that its gradient has nowhere to go; "
        "to fix: pass the parameter as an argument");
  active_.insert(value);
  parameterOf_[value] = name;
  parameters_.insert({name, value});
  return mlir::success();
}

LogicalResult Tape::cloneCall(CallOpInterface call, IRMapping &mapping) {
  auto callee = dyn_cast_or_null<func::FuncOp>(call.resolveCallable());
  if (!callee || callee.isExternal())
    return call.emitOpError("calls a function without a body, which has no derivative; to fix: define it");
  SmallVector<Value> operands;
  std::vector<bool> active;
  for (Value operand : call.getArgOperands()) {
    operands.push_back(mapping.lookup(operand));
    active.push_back(isActive(operands.back()));
  }
  const Saving &saving = saving_ ? *saving_ : derivatives_.savingOfNextCall();
  const Derivative *derivative = derivatives_.of(callee, active, saving);
  if (!derivative) return failure();
  auto copy = builder_.create<func::CallOp>(call->getLoc(), derivative->forward, operands);
  for (auto [result, value] : llvm::zip(call->getResults(), copy.getResults())) mapping.map(result, value);
  callsForwards_ |= derivative->forward != callee;
  if (!saving_) derivatives_.noteSaved(copy.getResults().drop_front(derivative->results));
  for (unsigned result : derivative->cotangents) active_.insert(copy.getResult(result));
  if (derivative->backward) steps_.push_back({copy, derivative});
  return mlir::success();
}

void Tape::addGradient(Value value, Value gradient) {
  if (!gradient || !isActive(value)) return;
  // A parameter that is read twice (tied embeddings) has one gradient.
  if (StringAttr name = parameterOf_.lookup(value)) value = parameters_[name];
  Value &sum = sums_[value];
  sum = derive::sumOf(builder_, gradient.getLoc(), sum, gradient);
}

Value Tape::gradientOf(Value value) {
  Value sum = sums_.lookup(value);
  return sum ? sum : derive::zerosLike(builder_, value.getLoc(), value);
}

LogicalResult Tape::backward() {
  for (const Step &step : llvm::reverse(steps_)) {
    if (llvm::none_of(step.op->getResults(), [&](Value result) { return sums_.contains(result); })) continue;
    if (failed(adjoint(step))) return failure();
  }
  return mlir::success();
}

LogicalResult Tape::adjoint(const Step &step) {
  if (step.callee) {
    callAdjoint(step);
    return mlir::success();
  }
  auto differentiable = dyn_cast<Differentiable>(step.op);
  if (!differentiable)
    return step.op->emitOpError(
        "has no adjoint, and a parameter's gradient passes through it; to fix: use ops of the "
        "llm dialect in the loss");
  SmallVector<Value> gradients, operandGradients;
  for (Value result : step.op->getResults()) gradients.push_back(sums_.lookup(result));
  if (failed(differentiable.buildAdjoint(builder_, gradients, operandGradients))) return failure();
  for (auto [operand, gradient] : llvm::zip(step.op->getOperands(), operandGradients)) addGradient(operand, gradient);
  return mlir::success();
}

void Tape::callAdjoint(const Step &step) {
  const Derivative &callee = *step.callee;
  SmallVector<Value> operands;
  for (unsigned argument : callee.arguments) operands.push_back(step.op->getOperand(argument));
  unsigned results = callee.results;
  llvm::append_range(operands, step.op->getResults().drop_front(results));
  for (unsigned result : callee.cotangents) operands.push_back(gradientOf(step.op->getResult(result)));
  auto call = builder_.create<func::CallOp>(step.op->getLoc(), callee.backward, operands);
  for (auto [argument, gradient] : llvm::zip(callee.gradients, call.getResults()))
    addGradient(step.op->getOperand(argument), gradient);
}

void Tape::removeDeadAdjoints() {
  for (Operation *op = &block_->back(); op != lastForward_;) {
    Operation *before = op->getPrevNode();
    if (isOpTriviallyDead(op)) op->erase();
    op = before;
  }
}

}  // namespace llc::compiler
